export { type TestAuthority, testAuthority } from './test-authority.ts';
export { startTestKafka, type TestKafka, type TestKafkaNode } from './test-kafka.ts';
export { startTestOpenSearch, type TestOpenSearch } from './test-opensearch.ts';
export { startTestPostgres, type TestPostgres } from './test-postgres.ts';
export { startTestRabbit, type TestRabbit, type TestRabbitNode } from './test-rabbitmq.ts';
export { startTestRedis, type TestRedis } from './test-redis.ts';
export { startTestRedisCluster, type TestRedisCluster } from './test-redis-cluster.ts';
export { startTestSentinel, type TestSentinel } from './test-sentinel.ts';
