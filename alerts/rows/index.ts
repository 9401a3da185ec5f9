import type { AlertRow } from '../row.ts';
import { kafkaRows } from './kafka.ts';
import { searchRows } from './opensearch.ts';
import { outboxRows } from './outbox.ts';
import { postgresRows } from './postgres.ts';
import { prometheusRows } from './prometheus.ts';
import { rabbitRows } from './rabbitmq.ts';
import { redisRows } from './redis.ts';
import { redisLoadRows } from './redis-load.ts';
import { redisMachineRows } from './redis-machines.ts';
import { streamRows } from './streams.ts';
import { watcherRows } from './watchers.ts';
import { workerRows } from './workers.ts';

/** Every alert, in the order in which the page of alerts shows them: what services and their users feel first. */
export const alertRows: readonly AlertRow[] = [
  ...outboxRows,
  ...streamRows,
  ...redisRows,
  ...redisLoadRows,
  ...redisMachineRows,
  ...kafkaRows,
  ...rabbitRows,
  ...searchRows,
  ...postgresRows,
  ...workerRows,
  ...watcherRows,
  ...prometheusRows,
];
