import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { answer, answerError } from './protocol/answers.ts';
import { fetch } from './protocol/fetch.ts';
import { type RawRecord, unpackRecords } from './protocol/records.ts';
import type { LeaderMap } from './topics.ts';

const pageBytes = 1_048_576;
/** A leader that moves in good order. */
const patienceMs = 5_000;
const notLeader = new Set([5, 6, 9, 56, 74, 76]);

/** What is read, and from where. */
export interface LogPart {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  /** Offset behind the last one. */
  readonly to: number;
}

/** Reads a part of a partition, without any group. What retention removes meanwhile is passed over. */
export async function* readPartition(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  part: LogPart,
  signal?: AbortSignal,
): AsyncGenerator<RawRecord> {
  const { topic, partition, to } = part;
  let waitedSince: number | undefined;
  for (let from = part.from; from < to; ) {
    signal?.throwIfAborted();
    const leader = (await leaders.of(topic))[partition];
    const asked = { topic, partitions: [{ partition, offset: from, maxBytes: pageBytes }], maxWaitMs: 100, maxBytes: pageBytes };
    const fetched = leader === undefined ? undefined : (await nodes.ask(leader, fetch, asked)).find((each) => each.partition === partition);
    if (fetched === undefined || notLeader.has(fetched.errorCode)) {
      waitedSince ??= performance.now();
      if (performance.now() - waitedSince > patienceMs)
        throw new MillraceError('CONNECTION_FAILED', `partition ${partition} of topic ${topic} has no leader that answers`);
      leaders.forget(topic);
      continue;
    }
    waitedSince = undefined;
    if (fetched.errorCode === answer.offsetOutOfRange) return;
    if (fetched.errorCode !== answer.ok) throw answerError(fetched.errorCode, `partition ${partition} of topic ${topic}`);
    const { records, next } = await unpackRecords(fetched, from);
    for (const record of records) {
      if (record.offset >= to) return;
      yield record;
    }
    from = next ?? from;
  }
}
