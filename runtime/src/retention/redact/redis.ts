import type { ServiceHandle } from '../../binding/index.ts';
import { connectRedis, type RedisClient } from '../../connections/redis/index.ts';
import { deadLetterKey } from '../../contracts/redis-keys.ts';
import { streamKey, type Topic, type Topology, tenantsKey } from '../../contracts/topology.ts';
import type { PlaceOutcome, Remains } from './outcome.ts';
import { matches, type Sought } from './sought.ts';

const pageEntries = 500;

/**
 * Removes entries from the streams of a Redis and from its dead letters: entries cannot be changed, and the log has the events.
 *
 * An entry that a group has not acknowledged stays, because removing it would lose the event for the group; it is told of in `remains`.
 */
export async function redactRedis(handle: ServiceHandle, topology: Topology, sought: Sought, dryRun: boolean): Promise<PlaceOutcome> {
  await using redis = await connectRedis(handle, { cluster: true });
  const counts: Record<string, number> = {};
  const remains: Remains[] = [];
  for (const [name, topic] of Object.entries(topology.topics)) {
    if (!isOn(topic, handle.name) || (sought.topics?.length && !sought.topics.includes(name))) continue;
    for (const stream of await streamsOf(redis.client, name, topic, sought.tenant)) {
      const place = { client: redis.client, topic: name, sought, dryRun };
      const groups = await groupsOf(redis.client, stream, topic);
      const { removed, waiting } = await redactStream({ ...place, key: stream, groups });
      let dead = 0;
      for (const { group } of groups) dead += (await redactStream({ ...place, key: deadLetterKey(stream, group), groups: [] })).removed;
      if (removed + dead > 0) counts[`${handle.name} ${name}`] = (counts[`${handle.name} ${name}`] ?? 0) + removed + dead;
      for (const [group, entries] of waiting) {
        const sentence = `${entries} events of ${name} are not acknowledged by group ${group}: run it again when they are`;
        remains.push({ where: handle.name, sentence });
      }
    }
  }
  return { counts, remains };
}

function isOn(topic: Topic, service: string): boolean {
  return topic.transports.some((route) => route.kind === 'redis-streams' && route.service === service);
}

async function streamsOf(client: RedisClient, name: string, topic: Topic, tenant: string | undefined): Promise<string[]> {
  if (topic.isolation === 'shared') return Array.from({ length: topic.shards }, (_, shard) => streamKey(name, shard));
  const tenants = tenant === undefined ? await client.smembers(tenantsKey(name)) : [tenant];
  return tenants.sort().map((each) => streamKey(name, 0, each));
}

interface Group {
  readonly group: string;
  /** The last entry that was given to it; what lies above it has not been read. */
  readonly delivered: string;
}

/** Groups of the server, and those that are declared and have not come yet. */
async function groupsOf(client: RedisClient, stream: string, topic: Topic): Promise<Group[]> {
  const live = (await client.exists(stream)) === 0 ? [] : ((await client.xinfo('GROUPS', stream)) as (string | number)[][]);
  const found = live.map((flat) => ({ group: String(fieldOf(flat, 'name')), delivered: String(fieldOf(flat, 'last-delivered-id')) }));
  const absent = topic.consumers.filter(({ group }) => !found.some((each) => each.group === group));
  return [...found, ...absent.map(({ group }) => ({ group, delivered: '0-0' }))];
}

function fieldOf(flat: readonly (string | number)[], name: string): string | number | undefined {
  return flat[flat.indexOf(name) + 1];
}

interface StreamPlace {
  readonly client: RedisClient;
  readonly key: string;
  readonly topic: string;
  readonly groups: readonly Group[];
  readonly sought: Sought;
  readonly dryRun: boolean;
}

async function redactStream(place: StreamPlace): Promise<{ removed: number; waiting: Map<string, number> }> {
  const { client, key, topic, groups, sought, dryRun } = place;
  const waiting = new Map<string, number>();
  let removed = 0;
  for (let from = '-'; ; ) {
    const entries = await client.xrange(key, from, '+', 'COUNT', pageEntries);
    const meant = entries.filter(([, fields]) => matches(sought, topic, attributesOf(fields))).map(([id]) => id);
    const kept = meant.length === 0 ? new Set<string>() : await unacknowledged(client, key, groups, meant, waiting);
    const gone = meant.filter((id) => !kept.has(id));
    if (gone.length > 0 && !dryRun) await client.xdel(key, ...gone);
    removed += gone.length;
    if (entries.length < pageEntries) return { removed, waiting };
    from = `(${entries.at(-1)![0]}`;
  }
}

function attributesOf(fields: readonly string[]): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) attributes[fields[i]!] = fields[i + 1]!;
  return attributes;
}

/** Of `ids`, ascending, those that a group has not read or not acknowledged. A group only goes forward, so what is acknowledged now stays so. */
async function unacknowledged(
  client: RedisClient,
  key: string,
  groups: readonly Group[],
  ids: readonly string[],
  waiting: Map<string, number>,
): Promise<Set<string>> {
  const kept = new Set<string>();
  for (const { group, delivered } of groups) {
    const open = new Set(ids.filter((id) => isAfter(id, delivered)));
    if (delivered !== '0-0') {
      const pending = (await client.xpending(key, group, ids[0]!, ids.at(-1)!, 100_000)) as [string][];
      for (const [id] of pending) if (ids.includes(id)) open.add(id);
    }
    if (open.size > 0) waiting.set(group, (waiting.get(group) ?? 0) + open.size);
    for (const id of open) kept.add(id);
  }
  return kept;
}

function isAfter(id: string, other: string): boolean {
  const [a = '0', b = '0'] = id.split('-');
  const [c = '0', d = '0'] = other.split('-');
  return BigInt(a) > BigInt(c) || (a === c && BigInt(b) > BigInt(d));
}
