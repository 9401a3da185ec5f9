import type { Redis } from 'ioredis';
import type { ServiceHandle } from '../../binding/index.ts';
import type { BoundService, Endpoint } from '../../contracts/binding.ts';
import { loadPeer } from '../peer.ts';
import { serverName } from './connectors.ts';
import { redisTarget } from './settings.ts';

/** The servers of a service one by one: users are made on each, and each has memory of its own. Empty where the binding names sentinels alone. */
export function nodesOf({ service }: ServiceHandle): Endpoint[] {
  const purposes = service.kind === 'redis-sentinel' ? ['node'] : ['primary', 'reader', 'node'];
  return service.endpoints.filter(({ purpose }) => purposes.includes(purpose));
}

export interface Visitor {
  /** Name that `CLIENT LIST` shows; no blanks. */
  readonly name: string;
  readonly auth: BoundService['auth'];
}

/** Connects to one server, whichever its role, and leaves no connection behind. @throws whatever ioredis does; `redisError` says it in a sentence */
export async function visitNode<T>(
  handle: ServiceHandle,
  endpoint: Endpoint,
  { name, auth }: Visitor,
  visit: (client: Redis) => Promise<T>,
): Promise<T> {
  const { service } = handle;
  const node: ServiceHandle = {
    ...handle,
    service: { ...service, kind: 'redis', endpoints: [{ ...endpoint, purpose: 'primary' }], auth },
  };
  const [{ Redis }, { access }] = await Promise.all([loadPeer('ioredis', () => import('ioredis')), redisTarget(node)]);
  const client = new Redis({
    ...access,
    ...(access.tls && { tls: { ...serverName(endpoint.host), ...access.tls } }),
    connectionName: name,
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
