import type { Redis } from 'ioredis';
import type { ServiceHandle } from '../../../binding/index.ts';
import { redisError } from '../../../connections/redis/errors.ts';
import { nodesOf, visitNode } from '../../../connections/redis/nodes.ts';

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

/**
 * Connects to every server of the service at once, as whoever may change its users, over a connection of its own each, and leaves none behind. One that is
 * down fails for itself.
 */
export async function visitNodes<T>(handle: ServiceHandle, visit: (node: Node) => Promise<T>): Promise<Visited<T>[]> {
  const as = { name: 'millrace-apply', auth: handle.service.administration?.auth ?? handle.service.auth };
  return Promise.all(
    nodesOf(handle).map(async (endpoint) => {
      const address = `${endpoint.host}:${endpoint.port}`;
      try {
        return { address, result: await visitNode(handle, endpoint, as, (client) => visit({ address, client })) };
      } catch (error) {
        return { address, error: redisError(error, `redis service ${handle.name} (${address})`) };
      }
    }),
  );
}
