import type { RedisClient, RedisConnection } from '../connections/redis/index.ts';
import { checkIdentity, type HealthCheck } from './check.ts';
import type { RedisCheckOptions } from './redis-rules.ts';

export type { RedisCheckOptions } from './redis-rules.ts';

/**
 * Looks at a Redis server through `connection`, with one INFO; in a cluster with one to each master, over the connections that commands use.
 *
 * A cluster is `down` when it refuses commands or slots have no master, and `degraded` when a master does not answer and the others do.
 * Give it a `producer` connection: on a `consumer` one the question waits behind a blocking read.
 */
export function redisCheck(connection: RedisConnection<RedisClient>, options: RedisCheckOptions = {}): HealthCheck {
  let look: HealthCheck['check'] | undefined;
  return {
    ...checkIdentity(options, connection.name),
    componentType: 'datastore',
    async check(signal) {
      look ??= (await import('./redis-look.ts')).redisLook(connection.client, options);
      return look(signal);
    },
  };
}
