import { startTestRedis } from '../support/servers.ts';
import { redisDriver } from './redis-driver.ts';
import { transportConformance } from './transport.ts';

transportConformance(async () => {
  const redis = await startTestRedis();
  return { driver: redisDriver(redis, 20_000), stop: () => redis.stop() };
});
