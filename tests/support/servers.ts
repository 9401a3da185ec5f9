export { startTestPostgres, type TestPostgres, type TestPostgresOptions } from './test-postgres.ts';
export { startTestRedis, type TestRedis, type TestRedisOptions } from './test-redis.ts';
export { startTestSentinel, type TestSentinel, type TestSentinelOptions } from './test-sentinel.ts';
