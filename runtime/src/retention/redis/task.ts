import type { ServiceHandle } from '../../binding/index.ts';
import { connectRedis, type RedisClient } from '../../connections/redis/index.ts';
import { carriedBy, deadLetterHours, routeOver, type Topology } from '../../contracts/topology.ts';
import { createRouter, type Routed, shardLabel } from '../../transports/redis-streams/streams.ts';
import { currentStreams } from '../../transports/redis-streams/tenants.ts';
import type { Task } from '../task.ts';
import { trimDeadLetters } from './dead-letters.ts';
import { createLook, toldLeftovers } from './leftovers.ts';
import { noteOverstep, reportOf, type Tally, withKey } from './tally.ts';
import { type HeldBack, trimStream } from './trim.ts';

export interface StreamRetentionOptions {
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** @default 60_000 */
  readonly everyMs?: number;
}

const msPerHour = 3_600_000;
/** Streams that are trimmed side by side: isolated topics have one a tenant. */
const streamsAtOnce = 20;

/**
 * Keeps the streams of every topic on a Redis service within its window (`windowHours`, else `retentionHours`). An entry that a group has not acknowledged
 * stays, however old, and is told of in `held`: the window may be overstepped, an event is never cut off. So does a stream that cannot be looked at, because
 * somebody made it something else or gave it more than 1,000 groups; the others go on.
 *
 * Dead letters are kept a month longer than the topic keeps its events, and as long as their key is blocked; what is removed after that is told of in `lost`.
 * Tenants stay registered when their stream is empty: a publisher registers a tenant once per connection, so one that was taken out could come back unseen
 * by consumers. Streams of former topics, shards and groups are looked up once an hour, told of and left alone.
 */
export function streamRetention({ service, topology, everyMs = 60_000 }: StreamRetentionOptions): Task {
  const look = createLook();
  return {
    name: `retention of the streams of ${service.name}`,
    everyMs,
    async run(signal) {
      await using connection = await connectRedis(service, { name: 'millrace janitor', cluster: true });
      const { client } = connection;
      // Before the registers of tenants are read: a tenant is registered before its stream is there.
      const unseen = await look(client);
      const tally: Tally = { service: service.name, streams: 0, removed: 0, deadLetters: 0, held: [], lost: [], gauges: new Map(), unseen };
      for (const carried of topicsOf(topology, service.name)) await trimTopic(client, carried, tally, signal);
      const report = reportOf(tally);
      return unseen === undefined || signal.aborted ? report : { ...report, held: [...report.held, ...toldLeftovers(unseen)] };
    },
  };
}

interface Carried {
  readonly routed: Routed;
  /** Declared groups that will come here: those of a mirror come where the topic is live. */
  readonly awaited: readonly string[];
}

function topicsOf(topology: Topology, service: string): Carried[] {
  const router = createRouter(topology, service);
  return carriedBy(topology, 'redis-streams', service).map(([name, topic]) => {
    const isLive = routeOver(topic, 'redis-streams', service)?.phase === 'live';
    return { routed: router(name), awaited: isLive ? topic.consumers.map(({ group }) => group) : [] };
  });
}

async function trimTopic(client: RedisClient, carried: Carried, tally: Tally, signal: AbortSignal): Promise<void> {
  const streams = [...(await currentStreams(client, carried.routed))];
  while (streams.length > 0 && !signal.aborted) {
    await Promise.all(streams.splice(0, streamsAtOnce).map((stream) => trimAll(client, carried, stream, tally, signal)));
  }
}

async function trimAll(client: RedisClient, carried: Carried, stream: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const { topic } = carried.routed;
  let groups: readonly string[] = [];
  await withKey(tally, stream, async () => {
    groups = await trimEvents(client, carried, stream, tally, signal);
  });
  for (const group of new Set([...topic.consumers.map((each) => each.group), ...groups])) {
    await trimDeadLetters(client, { stream, group, hours: deadLetterHours(topic) }, tally, signal);
  }
}

/** @returns the groups on the stream. */
async function trimEvents(
  client: RedisClient,
  { routed, awaited }: Carried,
  stream: string,
  tally: Tally,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { name, topic } = routed;
  const windowMs = (topic.windowHours ?? topic.retentionHours) * msPerHour;
  const { removed, held, groups, crowd } = await trimStream(client, stream, { windowMs, groups: awaited, signal });
  tally.streams += 1;
  tally.removed += removed;
  if (held !== undefined) {
    const isDeclared = topic.consumers.some(({ group }) => group === held.group);
    tally.held.push({ name: stream, sentence: sentenceOf(stream, held, isDeclared) });
    noteOverstep(tally, name, shardLabel(routed, stream), held.ms);
  }
  if (crowd !== undefined) {
    const sentence = `${stream} is not kept within its window, because it has ${crowd} groups, too many to look at: destroy those that nobody uses`;
    tally.held.push({ name: stream, sentence });
  }
  return groups;
}

function sentenceOf(stream: string, { ms, group, reason, from }: HeldBack, declared: boolean): string {
  const seconds = Math.ceil(ms / 1_000);
  const why = {
    missing: `group ${group} is declared and does not exist yet: start it, or take it out of the topology`,
    pending: `group ${group} has not acknowledged ${from}: mend or release what holds it up`,
    unread: `group ${group} has read nothing from ${from} on: start it again`,
    blocked: `group ${group} has set ${from} aside and holds its key back: redrive it, or drop it`,
    needed: `what follows ${from} is needed`,
  }[reason];
  const stranger = declared ? '' : ', or destroy the group if nobody uses it, for it is not declared';
  return `${stream} keeps ${seconds} s more than its window, because ${why}${stranger}`;
}
