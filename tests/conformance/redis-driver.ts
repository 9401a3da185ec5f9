import { redisStreams } from '../../runtime/src/transports/redis-streams/index.ts';
import { serviceOf } from '../runtime/integration/redis-streams-fixture.ts';
import type { TestRedis } from '../support/servers.ts';
import type { TestedDriver } from './driver.ts';
import { provisionOn } from './provision.ts';

/** The driver `redis-streams` on a test's server, with leases that outlive a moment without the processor. */
export function redisDriver(redis: TestRedis, patienceMs: number): TestedDriver {
  const service = serviceOf(redis);
  return {
    ...{ kind: 'redis-streams', service: service.name, patienceMs },
    provision: (topology) => provisionOn(service, topology),
    open: (topology, change) => redisStreams({ service, topology, leaseMs: 5_000, ...change }),
    restart: () => redis.restart(),
  };
}
