import type { LoadedBinding, ServiceHandle } from 'millrace/binding';
import { connectKafka } from 'millrace/connections/kafka';
import { connectSearch } from 'millrace/connections/opensearch';
import { connectPostgres } from 'millrace/connections/postgres';
import { connectRabbit } from 'millrace/connections/rabbitmq';
import { connectRedis } from 'millrace/connections/redis';
import { type HealthCheck, postgresCheck, redisCheck } from 'millrace/health';
import { kafkaCheck } from 'millrace/health/kafka';
import { searchCheck } from 'millrace/health/opensearch';
import { rabbitCheck } from 'millrace/health/rabbitmq';

/** An open connection and how to look whether it serves. */
export interface Reached {
  readonly connection: AsyncDisposable;
  readonly check: HealthCheck;
}

type Reach = (handle: ServiceHandle) => Promise<Reached>;

async function redis(handle: ServiceHandle): Promise<Reached> {
  const forStreams = handle.service.role === 'events';
  const connection = await connectRedis(handle, { forStreams });
  return { connection, check: redisCheck(connection, { forStreams }) };
}

/** How a service of each kind is reached, and what is looked at; the binding says where, with which certificates and as whom. */
const reaches: { readonly [kind: string]: Reach } = {
  redis,
  'redis-sentinel': redis,
  async postgres(handle) {
    const connection = await connectPostgres(handle);
    return { connection, check: postgresCheck(connection) };
  },
  async kafka(handle) {
    const connection = await connectKafka(handle);
    return { connection, check: kafkaCheck(connection) };
  },
  async rabbitmq(handle) {
    const connection = await connectRabbit(handle);
    return { connection, check: rabbitCheck(connection) };
  },
  async opensearch(handle) {
    const connection = await connectSearch(handle);
    return { connection, check: searchCheck(connection) };
  },
};

/** One connection to every service that code talks to. @throws {AggregateError} with the reason for each that cannot be reached */
export async function reachAll(binding: LoadedBinding): Promise<Reached[]> {
  const handles = binding.names.map((name) => binding.service(name)).filter(({ service }) => service.kind in reaches);
  const outcomes = await Promise.allSettled(handles.map((handle) => reaches[handle.service.kind]!(handle)));
  const reached = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (reasons.length === 0) return reached;
  await closeAll(reached);
  throw new AggregateError(reasons, `${reasons.length} of ${handles.length} services cannot be reached`);
}

export async function closeAll(reached: readonly Reached[]): Promise<void> {
  await Promise.all(reached.map(({ connection }) => connection[Symbol.asyncDispose]()));
}
