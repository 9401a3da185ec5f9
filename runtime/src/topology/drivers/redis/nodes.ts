import type { Redis } from 'ioredis';
import type { ServiceHandle } from '../../../binding/index.ts';
import { loadPeer } from '../../../connections/peer.ts';
import { serverName } from '../../../connections/redis/connectors.ts';
import { redisError } from '../../../connections/redis/errors.ts';
import { redisTarget } from '../../../connections/redis/settings.ts';
import type { Endpoint } from '../../../contracts/binding.ts';

/** One server of a service, whichever its role. */
export interface Node {
  /** `host:port` */
  readonly address: string;
  readonly client: Redis;
}

/** What was done with a server, or why it could not be. */
export type Visited<T> = { readonly address: string } & (
  | { readonly result: T; readonly error?: undefined }
  | { readonly result?: undefined; readonly error: Error }
);

/** Servers that users are made on one by one: they are not replicated. Empty where the binding names sentinels alone. */
export function nodesOf({ service }: ServiceHandle): Endpoint[] {
  const purposes = service.kind === 'redis-sentinel' ? ['node'] : ['primary', 'reader', 'node'];
  return service.endpoints.filter(({ purpose }) => purposes.includes(purpose));
}

/**
 * Connects to every server of the service at once, as whoever may change its users, over a connection of its own each, and leaves none behind. One that is
 * down fails for itself.
 */
export async function visitNodes<T>(handle: ServiceHandle, visit: (node: Node) => Promise<T>): Promise<Visited<T>[]> {
  return Promise.all(
    nodesOf(handle).map(async (endpoint) => {
      const address = `${endpoint.host}:${endpoint.port}`;
      try {
        return { address, result: await visitNode(handle, endpoint, (client) => visit({ address, client })) };
      } catch (error) {
        return { address, error: redisError(error, `redis service ${handle.name} (${address})`) };
      }
    }),
  );
}

async function visitNode<T>(handle: ServiceHandle, endpoint: Endpoint, visit: (client: Redis) => Promise<T>): Promise<T> {
  const { service } = handle;
  const node: ServiceHandle = {
    ...handle,
    service: {
      ...service,
      kind: 'redis',
      endpoints: [{ ...endpoint, purpose: 'primary' }],
      auth: service.administration?.auth ?? service.auth,
    },
  };
  const [{ Redis }, { access }] = await Promise.all([loadPeer('ioredis', () => import('ioredis')), redisTarget(node)]);
  const client = new Redis({
    ...access,
    ...(access.tls && { tls: { ...serverName(endpoint.host), ...access.tls } }),
    connectionName: 'millrace-apply',
    lazyConnect: true,
    protocol: 2,
    connectTimeout: 1_500,
    commandTimeout: 2_000,
    disconnectTimeout: 250,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The reason is told by this event; the command only learns that the connection was closed.
  let reason: Error | undefined;
  client.on('error', (error: Error) => {
    reason ??= error;
  });
  try {
    await client.connect();
    return await visit(client);
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
