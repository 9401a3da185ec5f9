import { wireProtocol } from '../../../connections/kafka/wire.ts';

export interface FetchRequest {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly maxBytes: number }[];
  /** How long the broker may hold back an empty answer. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** Behind the last record that all replicas in sync have. */
  readonly highWatermark: number;
  /** Transactions that were aborted, by their first offset within the records. */
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[];
  /** Record batches; the last may be cut off. */
  readonly records: Buffer;
}

const anyClient = -1;
const readCommitted = 1;
const noSession = { id: 0, epoch: -1 };
const anyEpoch = -1;
const unknownStart = -1;

/** Version 11, spoken by Kafka since 2.3. */
export const fetch = wireProtocol<FetchRequest, readonly FetchedPartition[]>(
  { key: 1, version: 11, name: 'Fetch' },
  (to, { topic, partitions, maxWaitMs, maxBytes }) => {
    to.int32(anyClient).int32(maxWaitMs).int32(1).int32(maxBytes).int8(readCommitted).int32(noSession.id).int32(noSession.epoch);
    to.list([topic], () => {
      to.text(topic).list(partitions, ({ partition, offset, maxBytes: most }) => {
        to.int32(partition).int32(anyEpoch).int64(offset).int64(unknownStart).int32(most);
      });
    });
    to.int32(0).text('');
  },
  (from) => {
    // Throttle time, and an error code and id of the session that is not used.
    from.at += 10;
    return from
      .list(() => {
        from.text();
        return from.list((): FetchedPartition => {
          const [partition, errorCode, highWatermark] = [from.int32(), from.int16(), from.int64()];
          // The last stable offset, and where the log begins.
          from.at += 16;
          const aborted = from.list(() => ({ producerId: from.int64(), firstOffset: from.int64() }));
          from.int32();
          return { partition, errorCode, highWatermark, aborted, records: from.buffer() };
        });
      })
      .flat();
  },
);
