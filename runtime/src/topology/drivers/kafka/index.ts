import { connectKafka } from '../../../connections/kafka/index.ts';
import { objectName } from '../../../contracts/object-names.ts';
import type { Change, Comparison, Driver, DriverContext } from '../../driver.ts';
import { deleteTopic, makeAsDeclared } from './apply.ts';
import type { ApplyContext } from './context.ts';
import { createTogether } from './create.ts';
import { withDangers } from './danger.ts';
import { declaredOn } from './declared.ts';
import { compare, type DiffOptions } from './diff.ts';
import { notesOn } from './notes.ts';
import { readDefaults, readTopics } from './read.ts';

/**
 * Topics of a Kafka cluster: partitions, retention, the size of messages, and a topic of dead letters for every group.
 *
 * How many copies there are is not declared: the cluster's `default.replication.factor` and `min.insync.replicas` count, which go with its number of brokers.
 *
 * @throws {MillraceError} as `connectKafka` does; BINDING_INVALID when a topic of dead letters cannot have its name.
 */
export async function openKafkaDriver({ service, topology, signal }: DriverContext): Promise<Driver> {
  const declared = declaredOn(topology, service.name);
  const options: DiffOptions = { service: service.name, serverless: service.service.iam?.serverless === true };
  signal.throwIfAborted();
  const connection = await connectKafka(service, { name: 'millrace apply' });
  const stop = (): void => void connection.close();
  signal.addEventListener('abort', stop, { once: true });
  const context: ApplyContext = { connection, service, options, signal };
  const topicOf = ({ name }: Change): string => name.slice(objectName(options.service, 'topic', '').length);
  const wantedBy = (change: Change) => declared.find(({ name }) => name === topicOf(change));
  return {
    async compare(): Promise<Comparison> {
      const names = declared.map(({ name }) => name);
      const [live, defaults] = await Promise.all([readTopics(connection, names), readDefaults(connection)]);
      const planned = compare(declared, live, options);
      return { changes: await withDangers(service, planned), notes: notesOn(service.name, declared, live, defaults) };
    },
    prepare: (changes) =>
      createTogether(
        context,
        changes.flatMap((change) => (change.action === 'create' ? (wantedBy(change) ?? []) : [])),
      ),
    async apply(change: Change): Promise<void> {
      const wanted = wantedBy(change);
      return wanted === undefined ? deleteTopic(context, topicOf(change)) : makeAsDeclared(context, wanted, change);
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', stop);
      await connection.close();
    },
  };
}
