import { wireProtocol } from '../../../connections/kafka/wire.ts';
import type { Membership } from './group.ts';

export interface Commit {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** A commit that comes from no member; taken from groups without members only. */
export const noMember = { generation: -1, memberId: '' } as const;

/** Version 5, spoken by Kafka since 2.1. */
export const commitOffsets = wireProtocol<
  Membership & { readonly topic: string; readonly commits: readonly Commit[] },
  readonly { readonly partition: number; readonly errorCode: number }[]
>(
  { key: 8, version: 5, name: 'OffsetCommit' },
  (to, { group, generation, memberId, topic, commits }) => {
    to.text(group).int32(generation).text(memberId);
    to.list([topic], () => {
      to.text(topic).list(commits, ({ partition, offset, metadata }) => to.int32(partition).int64(offset).text(metadata));
    });
  },
  (from) => {
    from.int32();
    return from
      .list(() => {
        from.text();
        return from.list(() => ({ partition: from.int32(), errorCode: from.int16() }));
      })
      .flat();
  },
);

export interface Committed {
  readonly partition: number;
  /** -1 where nothing was committed. */
  readonly offset: number;
  readonly metadata: string;
  readonly errorCode: number;
}

/** Version 3, spoken by Kafka since 0.11. */
export const fetchOffsets = wireProtocol<
  { readonly group: string; readonly topic: string; readonly partitions: readonly number[] },
  { readonly errorCode: number; readonly committed: readonly Committed[] }
>(
  { key: 9, version: 3, name: 'OffsetFetch' },
  (to, { group, topic, partitions }) => {
    to.text(group).list([topic], () => {
      to.text(topic).list(partitions, (partition) => to.int32(partition));
    });
  },
  (from) => {
    from.int32();
    const committed = from
      .list(() => {
        from.text();
        return from.list(() => ({
          partition: from.int32(),
          offset: from.int64(),
          metadata: from.text() ?? '',
          errorCode: from.int16(),
        }));
      })
      .flat();
    return { errorCode: from.int16(), committed };
  },
);

/** In place of a time. */
export const logEnd = -1;
export const logStart = -2;

const anyClient = -1;
const readCommitted = 1;

export interface ListedOffset {
  readonly partition: number;
  readonly errorCode: number;
  /** Of the first record that is not older than the time asked for; -1 where there is none. */
  readonly offset: number;
}

/** Version 2, spoken by Kafka since 0.11. */
export const listOffsets = wireProtocol<
  { readonly topic: string; readonly partitions: readonly number[]; readonly timestamp: number },
  readonly ListedOffset[]
>(
  { key: 2, version: 2, name: 'ListOffsets' },
  (to, { topic, partitions, timestamp }) => {
    to.int32(anyClient).int8(readCommitted);
    to.list([topic], () => {
      to.text(topic).list(partitions, (partition) => to.int32(partition).int64(timestamp));
    });
  },
  (from) => {
    from.int32();
    return from
      .list(() => {
        from.text();
        return from.list(() => {
          const [partition, errorCode] = [from.int32(), from.int16()];
          from.int64();
          return { partition, errorCode, offset: from.int64() };
        });
      })
      .flat();
  },
);

/** Version 1, spoken by Kafka since 2.0. */
export const deleteRecords = wireProtocol<
  { readonly topic: string; readonly partition: number; readonly before: number; readonly timeoutMs: number },
  readonly number[]
>(
  { key: 21, version: 1, name: 'DeleteRecords' },
  (to, { topic, partition, before, timeoutMs }) => {
    to.list([topic], () => {
      to.text(topic).list([partition], () => to.int32(partition).int64(before));
    });
    to.int32(timeoutMs);
  },
  (from) => {
    from.int32();
    return from
      .list(() => {
        from.text();
        return from.list(() => {
          from.at += 12;
          return from.int16();
        });
      })
      .flat();
  },
);
