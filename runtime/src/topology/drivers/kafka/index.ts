import type { ServiceHandle } from '../../../binding/index.ts';
import { connectKafka } from '../../../connections/kafka/index.ts';
import { isMillraceError } from '../../../contracts/errors.ts';
import type { Change, Comparison, Driver, DriverContext } from '../../driver.ts';
import { deleteTopic, makeAsDeclared } from './apply.ts';
import { declaredTopics } from './declared.ts';
import { type Count, type DiffOptions, dangerOf, notesOf, type PlannedChange, planChanges, type Risk } from './diff.ts';
import { refusal } from './errors.ts';
import { type Counter, openCounter } from './offsets.ts';
import { readTopics } from './read.ts';

/**
 * Topics of a Kafka cluster: partitions, retention, the size of messages, and a topic of dead letters for every group.
 *
 * How many copies there are is not declared: the cluster's `default.replication.factor` and `min.insync.replicas` count, which go with its number of brokers.
 *
 * @throws {MillraceError} as `connectKafka` does; BINDING_INVALID when a topic of dead letters cannot have its name.
 */
export async function openKafkaDriver({ service, topology, signal }: DriverContext): Promise<Driver> {
  const declared = declaredTopics(topology, service.name);
  const options: DiffOptions = { service: service.name, serverless: service.service.iam?.serverless === true };
  signal.throwIfAborted();
  const connection = await connectKafka(service, { name: 'millrace apply' });
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  return {
    async compare(): Promise<Comparison> {
      const live = await readTopics(
        connection,
        declared.map(({ name }) => name),
      );
      const planned = planChanges(declared, live, options);
      return {
        changes: await withDangers(service, planned),
        notes: notesOf(declared, live, options),
      };
    },
    async apply(change: Change): Promise<void> {
      const topic = change.name.slice(`${options.service}/topic/`.length);
      const wanted = declared.find(({ name }) => name === topic);
      const context = { connection, service, options, signal };
      return wanted === undefined ? deleteTopic(context, topic) : makeAsDeclared(context, wanted, change);
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', stop);
      await connection.close();
    },
  };
}

/** Counts what is at risk, when anything is. */
async function withDangers(service: ServiceHandle, planned: readonly PlannedChange[]): Promise<Change[]> {
  if (planned.every(({ risks }) => risks.length === 0)) return planned.map(({ change }) => change);
  await using counter = await openCounter(service);
  return await Promise.all(planned.map((each) => withDanger(counter, service.name, each)));
}

async function withDanger(counter: Counter, service: string, { topic, change, risks }: PlannedChange): Promise<Change> {
  const counts = new Map<Risk, Count>();
  for (const risk of risks) counts.set(risk, await countFor(counter, service, topic, risk));
  const danger = dangerOf(risks, (risk) => counts.get(risk));
  return danger === undefined ? change : { ...change, danger };
}

/** Undefined while a partition has no leader to ask: the rest of the comparison stands. */
async function countFor(counter: Counter, service: string, topic: string, risk: Risk): Promise<Count> {
  try {
    return await (risk.kind === 'shorten' ? counter.older(topic, risk.retentionMs) : counter.messages(topic));
  } catch (error) {
    const reason = refusal(error, service, topic);
    if (isMillraceError(reason) && reason.retriable) return undefined;
    throw reason;
  }
}
