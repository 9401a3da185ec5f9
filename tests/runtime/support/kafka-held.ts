import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { writeEvent } from '../../../runtime/src/transports/kafka/codec.ts';
import type { Consumer } from '../../../runtime/src/transports/kafka/consumer.ts';
import { holdPartition } from '../../../runtime/src/transports/kafka/held-partition.ts';
import { Offsets } from '../../../runtime/src/transports/kafka/offsets.ts';
import { batchWriter } from '../../../runtime/src/transports/kafka/protocol/batch.ts';
import { type RawRecord, unpackRecords } from '../../../runtime/src/transports/kafka/protocol/records.ts';
import { eventsOf } from './events.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A consumer of the topic `t` that holds `count` partitions of which nothing was read: for those of its parts that ask no server. */
export function holding(count: number, more: Partial<Consumer> = {}): Consumer {
  const topic = topologySchema.parse({ topics: { t: { transports: [{ kind: 'kafka', service: 'log' }] } } }).topics.t!;
  const held = new Map(
    Array.from({ length: count }, (_, partition) => {
      const taken = { topic: 't', scope: `t/${partition}`, partition, topicId: 'id', fence: 1, offsets: new Offsets(0), before: undefined };
      return [partition, holdPartition(taken)];
    }),
  );
  const about = { topicName: 't', group: 'g', groupId: 'g', consumer: 'c', tenant: undefined, maxUnhandled: 100, log: silent };
  return { topic, ...about, held, lose: () => undefined, ...more } as Consumer;
}

/** Records of so many events of one key. */
export async function recordsOf(count: number, from = 0): Promise<readonly RawRecord[]> {
  const writer = batchWriter(Date.now());
  for (const event of eventsOf(count, { from: from + 1 })) writer.add((to) => writeEvent(to, event));
  const records = writer.finish();
  records.writeBigInt64BE(BigInt(from), 0);
  return (await unpackRecords({ records, aborted: [] }, from)).records;
}
