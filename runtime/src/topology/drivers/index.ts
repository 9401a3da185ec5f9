import type { DrivenKind } from '../../contracts/object-names.ts';
import type { OpenDriver } from '../driver.ts';

/** The driver of each kind of server that has objects, in a module that is loaded when such a service is bound. */
export const drivers = {
  kafka: async () => (await import('./kafka/index.ts')).openKafkaDriver,
  rabbitmq: async () => (await import('./rabbitmq/index.ts')).openRabbitDriver,
  redis: async () => (await import('./redis/index.ts')).openRedisDriver,
  'redis-sentinel': async () => (await import('./redis/index.ts')).openRedisDriver,
  opensearch: async () => (await import('./opensearch/index.ts')).openSearchDriver,
} as const satisfies Readonly<Record<DrivenKind, () => Promise<OpenDriver>>>;
