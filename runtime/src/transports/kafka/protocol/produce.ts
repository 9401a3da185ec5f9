import { wireProtocol } from '../../../connections/kafka/wire.ts';

export interface ProduceRequest {
  readonly topic: string;
  /** One record batch a partition: brokers take no more. */
  readonly batches: readonly { readonly partition: number; readonly records: Buffer }[];
  readonly timeoutMs: number;
}

export interface ProducedPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** Offset of the first record; the others follow without a gap. */
  readonly baseOffset: number;
}

const allReplicasInSync = -1;

/** Version 7, spoken by Kafka since 2.1. */
export const produce = wireProtocol<ProduceRequest, readonly ProducedPartition[]>(
  { key: 0, version: 7, name: 'Produce' },
  (to, { topic, batches, timeoutMs }) => {
    to.text(null).int16(allReplicasInSync).int32(timeoutMs);
    to.list([topic], () => {
      to.text(topic).list(batches, ({ partition, records }) => to.int32(partition).buffer(records));
    });
  },
  (from) =>
    from
      .list(() => {
        from.text();
        return from.list(() => {
          const [partition, errorCode, baseOffset] = [from.int32(), from.int16(), from.int64()];
          // The time of appending, and where the log begins.
          from.at += 16;
          return { partition, errorCode, baseOffset };
        });
      })
      .flat(),
);
