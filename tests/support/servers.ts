export { startTestPostgres, type TestPostgres } from './test-postgres.ts';
export { startTestRedis, type TestRedis } from './test-redis.ts';
export { startTestSentinel, type TestSentinel } from './test-sentinel.ts';
