import type { ServiceKind } from '../../contracts/binding.ts';
import type { Examination } from '../examination.ts';

/** Loaded for the kinds that are bound, so that no client libraries but theirs are needed. */
export const examinations: Readonly<Record<ServiceKind, () => Promise<Examination>>> = {
  redis: async () => (await import('./redis.ts')).redisExamination,
  'redis-sentinel': async () => (await import('./redis-sentinel.ts')).redisSentinelExamination,
  kafka: async () => (await import('./kafka.ts')).kafkaExamination,
  rabbitmq: async () => (await import('./rabbitmq.ts')).rabbitExamination,
  opensearch: async () => (await import('./opensearch.ts')).openSearchExamination,
  postgres: async () => (await import('./postgres.ts')).postgresExamination,
  prometheus: async () => (await import('./watchers.ts')).prometheusExamination,
  alertmanager: async () => (await import('./watchers.ts')).alertmanagerExamination,
};
