import { Reader, Writer } from '../../connections/kafka/wire.ts';

/** What a member says of itself when it joins. */
export interface Claim {
  readonly id: string;
  /** Members of one group may consume different topics. */
  readonly topic: string;
  /** Partitions that it has, and will keep until it is told otherwise. */
  readonly owned: readonly number[];
  /** How many partitions the topic has, for all that it knows; undefined where it does not say. */
  readonly partitions: number | undefined;
}

/**
 * Fair shares of the partitions, as close as possible to what the members have.
 *
 * A partition that is to move is given to nobody: its holder finishes what it has begun, lets go and joins again, and only then it goes to another. So the
 * partitions that stay are handled without a pause. The protocol of Kafka calls this cooperative.
 */
export function assignPartitions(
  claims: readonly Pick<Claim, 'id' | 'owned'>[],
  partitions: number,
): ReadonlyMap<string, readonly number[]> {
  const owners = new Map<number, string>();
  for (const { id, owned } of claims)
    for (const partition of owned) if (partition < partitions && !owners.has(partition)) owners.set(partition, id);
  const ownedBy = new Map(claims.map(({ id }) => [id, [] as number[]]));
  for (const [partition, id] of owners) ownedBy.get(id)!.push(partition);
  // Those who have most get what remains of the division, so that nothing moves for its sake.
  const ranked = [...ownedBy].sort(([a, ownA], [b, ownB]) => ownB.length - ownA.length || (a < b ? -1 : 1));
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => !owners.has(partition));
  const rest = partitions % ranked.length;
  return new Map(
    ranked.map(([id, owned], rank) => {
      const share = Math.floor(partitions / ranked.length) + (rank < rest ? 1 : 0);
      const kept = owned.sort((a, b) => a - b).slice(0, share);
      return [id, [...kept, ...free.splice(0, share - kept.length)]];
    }),
  );
}

/** Fair shares for a whole group, topic by topic. @param partitions their number by topic */
export function assignGroup(claims: readonly Claim[], partitions: ReadonlyMap<string, number>): { id: string; assignment: Buffer }[] {
  return [...partitions].flatMap(([topic, count]) => {
    const shares = assignPartitions(
      claims.filter((claim) => claim.topic === topic),
      count,
    );
    return [...shares].map(([id, share]) => ({ id, assignment: packAssignment(topic, share) }));
  });
}

/** Of a member that only visits. */
export const noTopic = '';

const claimVersion = 1;

/**
 * The subscription of Kafka's consumer protocol, so that tools can show it.
 *
 * @param partitions that the topic has, for all that this member knows: a coordinator takes no notice of a member that joins again and says the same.
 */
export function packClaim(topic: string, owned: readonly number[], partitions: number): Buffer {
  const to = new Writer();
  to.int16(claimVersion).list([topic], (name) => to.text(name));
  to.buffer(Buffer.from(String(partitions)));
  to.list([topic], (name) => to.text(name).list(owned, (partition) => to.int32(partition)));
  return to.written();
}

export function unpackClaim(id: string, bytes: Buffer): Claim {
  const from = new Reader(bytes);
  const version = from.int16();
  const [topic = ''] = from.list(() => from.text() ?? '');
  const partitions = Number(from.buffer().toString() || Number.NaN);
  return {
    id,
    topic,
    partitions: Number.isSafeInteger(partitions) ? partitions : undefined,
    owned: version < claimVersion ? [] : partitionsOf(topic, from),
  };
}

function packAssignment(topic: string, partitions: readonly number[]): Buffer {
  const to = new Writer();
  to.int16(0).list([topic], (name) => to.text(name).list(partitions, (partition) => to.int32(partition)));
  return to.buffer(Buffer.alloc(0)).written();
}

/** Empty for a member that got nothing. */
export function unpackAssignment(topic: string, bytes: Buffer): readonly number[] {
  if (bytes.length === 0) return [];
  const from = new Reader(bytes);
  from.int16();
  return partitionsOf(topic, from);
}

function partitionsOf(topic: string, from: Reader): number[] {
  const topics = from.list(() => ({ name: from.text(), partitions: from.list(() => from.int32()) }));
  return topics.filter(({ name }) => name === topic).flatMap(({ partitions }) => partitions);
}
