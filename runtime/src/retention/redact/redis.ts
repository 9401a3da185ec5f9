import type { ServiceHandle } from '../../binding/index.ts';
import { connectRedis, type RedisClient } from '../../connections/redis/index.ts';
import { carriedBy, routeOver, type Topic, type Topology } from '../../contracts/topology.ts';
import { createRouter } from '../../transports/redis-streams/streams.ts';
import { currentStreams } from '../../transports/redis-streams/tenants.ts';
import { unlessRefused } from '../redis/leftovers.ts';
import { presentStreams, topicOfKey } from '../redis/present.ts';
import { faultOfKey } from '../redis/tally.ts';
import { maxGroups } from '../redis/trim.ts';
import type { PlaceOutcome } from './outcome.ts';
import { type DeadLetterPlace, deadLettersOf, redactDeadLetters } from './redis-dead-letters.ts';
import { count, namedKey, remain, type StreamSearch, searched } from './redis-place.ts';
import type { Sought } from './sought.ts';

/**
 * Removes entries from the streams of a Redis and from its dead letters, those of former topics, shards and groups among them: entries cannot be changed,
 * and the log has the events.
 *
 * An entry that a group has not acknowledged stays, because removing it would lose the event for the group; it is told of in `remains`. So is a stream that
 * cannot be looked at; the others are.
 *
 * @param since looks only at what came after that time by the clock of the Redis: a relay may have held an event in its hands when the log was redacted.
 * Take the time off by which clocks may differ. @default everything
 */
export async function redactRedis(
  handle: ServiceHandle,
  topology: Topology,
  sought: Sought,
  dryRun: boolean,
  since?: Date,
): Promise<PlaceOutcome> {
  await using redis = await connectRedis(handle, { cluster: true });
  const { client } = redis;
  const from = since === undefined ? '-' : String(since.getTime());
  const search: StreamSearch = { client, service: handle.name, sought, dryRun, from, counts: {}, remains: [] };
  // Before the registers of tenants are read: a tenant is registered before its stream is there.
  const unseen = await unlessRefused(presentStreams(client));
  if (unseen === undefined) remain(search, 'streams of former topics, shards and groups were not looked for: the user may not SCAN');
  const router = createRouter(topology, handle.name);
  for (const [name, topic] of carriedBy(topology, 'redis-streams', handle.name)) {
    const isLive = routeOver(topic, 'redis-streams', handle.name)?.phase === 'live';
    for (const stream of await currentStreams(client, router(name), sought.tenant)) {
      unseen?.delete(stream);
      const groups = await redactStream(search, { key: stream, topic: name, awaited: isLive ? groupsIn(topic) : [] });
      for (const group of new Set([...groupsIn(topic), ...groups])) {
        const place = deadLettersOf(stream, group, name);
        unseen?.delete(place.key);
        await redactDead(search, place);
      }
    }
  }
  for (const key of unseen ?? []) await redactLeftover(search, key);
  return { counts: search.counts, remains: search.remains };
}

function groupsIn({ consumers }: Topic): string[] {
  return consumers.map(({ group }) => group);
}

const deadLetters = /^(.*):dead:([^:]+)$/;

async function redactLeftover(search: StreamSearch, key: string): Promise<void> {
  const { tenant } = search.sought;
  const topic = topicOfKey(key)!;
  // Streams of other tenants are not left over: they were not asked for.
  if (tenant !== undefined && key.startsWith('tenant:{') && !key.startsWith(`tenant:{${tenant}}:`)) return;
  const [, stream, group] = deadLetters.exec(key) ?? [];
  if (stream !== undefined && group !== undefined) return redactDead(search, deadLettersOf(stream, group, topic));
  await redactStream(search, { key, topic, awaited: [] });
}

interface Group {
  readonly group: string;
  /** The last entry that was given to it; what lies above it has not been read. */
  readonly delivered: string;
}

interface StreamPlace {
  readonly key: string;
  readonly topic: string;
  /** Groups that will come, and must have acknowledged an entry. */
  readonly awaited: readonly string[];
}

/** @returns the groups on the stream. */
async function redactStream(search: StreamSearch, place: StreamPlace): Promise<string[]> {
  const { key, topic } = place;
  if (search.sought.topics?.length && !search.sought.topics.includes(topic)) return [];
  let groups: Group[] = [];
  await withKey(search, key, topic, async () => {
    const found = await groupsOf(search.client, place);
    if (found === undefined) {
      const why = `has more than ${maxGroups} groups: destroy those that nobody uses, and run it again`;
      return remain(search, `${namedKey(search, key, topic)} was not looked at, because it ${why}`);
    }
    groups = found;
    const waiting = await removeAcknowledged(search, place, groups);
    for (const [group, entries] of waiting) {
      remain(search, `${entries} events of ${topic} are not acknowledged by group ${group}: run it again when they are`);
    }
  });
  return groups.map(({ group }) => group);
}

function redactDead(search: StreamSearch, place: DeadLetterPlace): Promise<void> {
  const { topics } = search.sought;
  if (topics?.length && !topics.includes(place.topic)) return Promise.resolve();
  return withKey(search, place.key, place.topic, () => redactDeadLetters(search, place));
}

async function withKey(search: StreamSearch, key: string, topic: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    remain(search, `${namedKey(search, key, topic)} was not looked at (${faultOfKey(error)}): mend or delete the key, and run it again`);
  }
}

type Flat = readonly (string | number)[];

/** Groups of the server, and those that are awaited; undefined when there are too many to look at. */
async function groupsOf(client: RedisClient, { key, awaited }: StreamPlace): Promise<Group[] | undefined> {
  const exists = (await client.exists(key)) === 1;
  if (exists && Number(fieldOf((await client.xinfo('STREAM', key)) as Flat, 'groups')) > maxGroups) return undefined;
  const live = exists ? ((await client.xinfo('GROUPS', key)) as Flat[]) : [];
  const found = live.map((flat) => ({ group: String(fieldOf(flat, 'name')), delivered: String(fieldOf(flat, 'last-delivered-id')) }));
  const absent = awaited.filter((group) => !found.some((each) => each.group === group));
  return [...found, ...absent.map((group) => ({ group, delivered: '0-0' }))];
}

function fieldOf(flat: Flat, name: string): string | number | undefined {
  return flat[flat.indexOf(name) + 1];
}

/** @returns how many of the sought entries each group has not acknowledged. */
async function removeAcknowledged(
  search: StreamSearch,
  { key, topic }: StreamPlace,
  groups: readonly Group[],
): Promise<Map<string, number>> {
  const waiting = new Map<string, number>();
  for await (const { meant } of searched(search, key, topic, search.from)) {
    const ids = meant.map(({ id }) => id);
    const kept = ids.length === 0 ? new Set<string>() : await unacknowledged(search.client, key, groups, ids, waiting);
    const gone = ids.filter((id) => !kept.has(id));
    if (gone.length > 0 && !search.dryRun) await search.client.xdel(key, ...gone);
    count(search, topic, gone.length);
  }
  return waiting;
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
