import type { ServiceHandle } from '../../binding/index.ts';
import { connectRedis, type RedisClient } from '../../connections/redis/index.ts';
import { deadLetterKey } from '../../contracts/redis-keys.ts';
import { deadLetterHours, type Topology } from '../../contracts/topology.ts';
import { createRouter, type Routed } from '../../transports/redis-streams/streams.ts';
import { currentStreams } from '../../transports/redis-streams/tenants.ts';
import type { GaugeValue, Held, Task, TaskReport } from '../task.ts';
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
 * stays, however old, and is told of in `held`: the window may be overstepped, an event is never cut off.
 *
 * Dead letters are kept a month longer than the topic keeps its events; what is removed after that is told of in `lost`. Tenants stay registered when their
 * stream is empty: a publisher registers a tenant once per connection, so one that was taken out could come back unseen by consumers.
 */
export function streamRetention({ service, topology, everyMs = 60_000 }: StreamRetentionOptions): Task {
  return {
    name: `retention of the streams of ${service.name}`,
    everyMs,
    async run(signal) {
      await using connection = await connectRedis(service, { name: 'millrace janitor', cluster: true });
      const tally: Tally = { service: service.name, streams: 0, removed: 0, deadLetters: 0, held: [], lost: [], gauges: [] };
      for (const routed of topicsOf(topology, service.name)) await trimTopic(connection.client, routed, tally, signal);
      return reportOf(tally);
    },
  };
}

interface Tally {
  readonly service: string;
  streams: number;
  removed: number;
  deadLetters: number;
  readonly held: Held[];
  readonly lost: Held[];
  readonly gauges: GaugeValue[];
}

function topicsOf(topology: Topology, service: string): Routed[] {
  const router = createRouter(topology, service);
  const carried = Object.entries(topology.topics).filter(([, { transports }]) =>
    transports.some((route) => route.kind === 'redis-streams' && route.service === service),
  );
  return carried.map(([name]) => router(name));
}

async function trimTopic(client: RedisClient, routed: Routed, tally: Tally, signal: AbortSignal): Promise<void> {
  const streams = [...(await currentStreams(client, routed))];
  while (streams.length > 0 && !signal.aborted) {
    await Promise.all(streams.splice(0, streamsAtOnce).map((stream) => trimEvents(client, routed, stream, tally, signal)));
  }
}

async function trimEvents(client: RedisClient, { name, topic }: Routed, stream: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const declared = topic.consumers.map(({ group }) => group);
  const windowMs = (topic.windowHours ?? topic.retentionHours) * msPerHour;
  const { removed, held, groups } = await trimStream(client, stream, { windowMs, groups: declared, signal });
  tally.streams += 1;
  tally.removed += removed;
  if (held !== undefined) {
    tally.held.push({ name: stream, sentence: sentenceOf(stream, held, declared.includes(held.group)) });
    const labels = { service: tally.service, topic: name, stream };
    tally.gauges.push({ signal: 'redis.stream.retention_held', labels, value: Math.ceil(held.ms / 1_000) });
  }
  for (const group of new Set([...declared, ...groups])) {
    await trimDeadLetters(client, deadLetterKey(stream, group), deadLetterHours(topic), tally, signal);
  }
}

/** Nobody consumes them, so only a group that somebody made to look at them can hold them. */
async function trimDeadLetters(client: RedisClient, stream: string, hours: number, tally: Tally, signal: AbortSignal): Promise<void> {
  const { removed, held } = await trimStream(client, stream, { windowMs: hours * msPerHour, groups: [], signal });
  tally.deadLetters += removed;
  if (held !== undefined) tally.held.push({ name: stream, sentence: sentenceOf(stream, held, false) });
  if (removed > 0)
    tally.lost.push({ name: stream, sentence: `${removed} dead letters of ${stream} were older than ${hours} hours and are gone` });
}

function sentenceOf(stream: string, { ms, group, reason, from }: HeldBack, declared: boolean): string {
  const seconds = Math.ceil(ms / 1_000);
  const why = {
    missing: `group ${group} is declared and does not exist yet: start it, or take it out of the topology`,
    pending: `group ${group} has not acknowledged ${from}: mend or release what holds it up`,
    unread: `group ${group} has read nothing from ${from} on: start it again`,
  }[reason];
  const stranger = declared ? '' : ', or destroy the group if nobody uses it, for it is not declared';
  return `${stream} keeps ${seconds} s more than its window, because ${why}${stranger}`;
}

function reportOf({ streams, removed, deadLetters, held, lost, gauges }: Tally): TaskReport {
  return {
    sentence: `removed ${removed} entries of ${streams} streams, kept more than the window in ${held.length}`,
    details: { streams, removed, deadLetters },
    held,
    lost,
    gauges,
  };
}
