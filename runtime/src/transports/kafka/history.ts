import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Delivery, ReadOptions } from '../../transport.ts';
import { readMessage } from './codec.ts';
import { offsetsAt, readEnds } from './log-ends.ts';
import { type LogPart, readPartition } from './partition-reader.ts';
import type { RawRecord } from './protocol/records.ts';
import { type LeaderMap, parsePosition, positionOf } from './topics.ts';

/**
 * Reads what a topic keeps, oldest first by the time of the messages, up to where its partitions end now. Messages that are no events, and those that were sent
 * again to one group, are passed over.
 *
 * A position means the events of its partition from there on; those of the others from the time of the message at that place.
 */
export async function* readHistory(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  topic: string,
  { from, tenant, signal = new AbortController().signal }: ReadOptions,
): AsyncGenerator<Delivery> {
  const parts = await partsFrom(nodes, leaders, topic, from, signal);
  const sources = await Promise.all(
    parts.map(async (part) => {
      const records = readPartition(nodes, leaders, part, signal);
      return { partition: part.partition, records, head: await records.next() };
    }),
  );
  for (;;) {
    signal.throwIfAborted();
    let first: (typeof sources)[number] | undefined;
    for (const source of sources) {
      if (source.head.done !== true && (first === undefined || source.head.value.timestamp < (first.head.value as RawRecord).timestamp))
        first = source;
    }
    if (first === undefined || first.head.done === true) return;
    const record = first.head.value;
    first.head = await first.records.next();
    const { event, addressee } = readMessage(record);
    if (addressee !== undefined || isMillraceError(event) || (tenant !== undefined && event.tenantid !== tenant)) continue;
    yield {
      topic,
      group: '',
      event,
      position: positionOf(first.partition, record.offset),
      attempt: 1,
      redelivered: false,
      run: '',
      signal,
    };
  }
}

async function partsFrom(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  topic: string,
  from: ReadOptions['from'],
  signal: AbortSignal,
): Promise<LogPart[]> {
  const all = [...(await leaders.of(topic)).keys()];
  const ends = await readEnds(nodes, leaders, topic, all);
  const parts = all.map((partition) => ({ topic, partition, from: ends.get(partition)!.start, to: ends.get(partition)!.end }));
  if (from === 'earliest') return parts;
  if (from instanceof Date) return since(nodes, leaders, topic, parts, from.getTime());
  const place = parsePosition(from);
  const own = { ...parts[place.partition], from: place.offset } as LogPart;
  if (parts[place.partition] === undefined) return [];
  const { value: first } = await readPartition(nodes, leaders, own, signal).next();
  if (first === undefined) return [];
  const others = await since(nodes, leaders, topic, parts, (first as RawRecord).timestamp);
  return others.map((part) => (part.partition === place.partition ? own : part));
}

async function since(
  nodes: KafkaNodes,
  leaders: LeaderMap,
  topic: string,
  parts: readonly LogPart[],
  timestamp: number,
): Promise<LogPart[]> {
  const offsets = await offsetsAt(
    nodes,
    leaders,
    topic,
    parts.map(({ partition }) => partition),
    Math.max(0, timestamp),
  );
  return parts.map((part) => {
    const offset = offsets.get(part.partition)!;
    return { ...part, from: offset < 0 ? part.to : offset };
  });
}
