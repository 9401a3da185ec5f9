export { type Beacon, createBeacon } from './beacons.ts';
export type { CheckOptions, CheckOutcome, Fault, HealthCheck, HealthStatus, Observation } from './check.ts';
export { createHealth, type Health, type HealthOptions, type HealthReport } from './health.ts';
export type { MetricsRegistry } from './metrics.ts';
export { type PostgresCheckOptions, postgresCheck } from './postgres-check.ts';
export { type RedisCheckOptions, redisCheck } from './redis-check.ts';
export type { CheckReport } from './run-check.ts';
export { type HealthServer, type HealthServerOptions, startHealthServer } from './server.ts';
