import type { RedisClient } from '../../connections/redis/index.ts';
import { canHave } from '../../contracts/signal-topics.ts';
import { type Sample, type Signal, signals, tenantShards } from '../../contracts/signals.ts';
import { carriedBy, routeOver, type Topology } from '../../contracts/topology.ts';
import { createRouter, type Routed, shardLabel } from '../../transports/redis-streams/streams.ts';
import { consumerSamples, sampleOf, streamSamples } from './samples.ts';
import { type StreamFacts, streamFacts, type Terms } from './stream.ts';
import { streamsPerRound, type TenantWalk, walkTenants } from './tenants.ts';
import { crowded, withDeclared } from './told.ts';

const msPerHour = 3_600_000;
const hoursPerDay = 24;
/** Looked at side by side; each has a handful of questions in flight. */
const streamsAtOnce = 50;

/** A topic as this service carries it. */
interface Carried {
  readonly routed: Routed;
  readonly awaited: readonly string[];
  /** Of a topic whose tenants have streams of their own. */
  readonly walk: TenantWalk | undefined;
}

interface StreamsSeen {
  readonly samples: readonly Sample[];
  /** Why something of the groups of a stream cannot be told. */
  readonly fault?: Error | undefined;
}

interface StreamsLookOptions {
  readonly service: string;
  /** Whether groups that nobody declared are told too. */
  readonly undeclared: boolean;
}

type LookAtStreams = (client: RedisClient, nowMs: number, signal: AbortSignal) => Promise<StreamsSeen>;

/** Every shard of every shared topic in each look, and of the streams of tenants as many as a round allows, which begins where the one before has ended. */
export function createStreamsLook(topology: Topology, { service, undeclared }: StreamsLookOptions): LookAtStreams {
  const topics = carriedOn(topology, service);
  const shared = topics.filter(({ walk }) => walk === undefined);
  const isolated = topics.filter(({ walk }) => walk !== undefined);
  return async (client, nowMs, signal) => {
    const asked = shared.flatMap((topic) => asksOf(topic, topic.routed.shards, nowMs));
    const facts = await lookAt(client, asked, signal);
    await goOn(client, isolated, nowMs, signal);
    const seen = [
      ...shared.map((topic) => [topic, facts.splice(0, topic.routed.shards.length)] as const),
      ...isolated.map((topic) => [topic, topic.walk!.facts()] as const),
    ];
    const samples = seen.flatMap(([topic, streams]) => {
      const told = undeclared ? streams : streams.map((stream) => withDeclared(stream, topic.awaited));
      return (topic.walk === undefined ? sharedSamples : isolatedSamples)(service, topic, told).filter(({ signal: name }) =>
        canHave(topic.routed.topic, name),
      );
    });
    return { samples, fault: seen.flatMap(([topic, streams]) => crowded(service, topic.routed, streams))[0] };
  };
}

function carriedOn(topology: Topology, service: string): Carried[] {
  const router = createRouter(topology, service);
  return carriedBy(topology, 'redis-streams', service).map(([name, topic]) => {
    // Those of a mirror consume where the topic is live.
    const isLive = routeOver(topic, 'redis-streams', service)?.phase === 'live';
    return {
      routed: router(name),
      awaited: isLive ? topic.consumers.map(({ group }) => group) : [],
      walk: topic.isolation === 'tenant' ? walkTenants(name) : undefined,
    };
  });
}

function sharedSamples(service: string, { routed }: Carried, facts: readonly StreamFacts[]): Sample[] {
  const samples = facts.flatMap((stream, index) => {
    const place = { service, topic: routed.name, shard: shardLabel(routed, routed.shards[index]!) };
    return [...streamSamples(place, [stream]), ...consumerSamples(place, stream)];
  });
  return [...samples, ...windowSamples(service, routed, facts)];
}

/** Each topic gets what is left of the round, and the one that did not come to its end is the first of the next. */
async function goOn(client: RedisClient, topics: Carried[], nowMs: number, signal: AbortSignal): Promise<void> {
  let budget = streamsPerRound;
  for (let turns = topics.length; turns > 0 && budget > 0; turns--) {
    const [first] = topics;
    const { looked, ended } = await first!.walk!.go(client, budget, (keys) => lookAt(client, asksOf(first!, keys, nowMs), signal));
    budget -= looked;
    if (ended) topics.push(topics.shift()!);
  }
}

function isolatedSamples(service: string, { routed, walk }: Carried, facts: readonly StreamFacts[]): Sample[] {
  const samples = [...streamSamples({ service, topic: routed.name, shard: tenantShards }, facts), ...windowSamples(service, routed, facts)];
  // A counter that grows because more is known would look like traffic.
  return walk!.complete ? samples : samples.filter(({ signal }) => (signals[signal] as Signal).kind === 'gauge');
}

interface Ask {
  readonly key: string;
  readonly terms: Terms;
}

async function lookAt(client: RedisClient, asked: readonly Ask[], signal: AbortSignal): Promise<StreamFacts[]> {
  const facts: StreamFacts[] = [];
  for (let from = 0; from < asked.length; from += streamsAtOnce) {
    signal.throwIfAborted();
    const some = asked.slice(from, from + streamsAtOnce);
    facts.push(...(await Promise.all(some.map(({ key, terms }) => streamFacts(client, key, terms)))));
  }
  return facts;
}

/** A group on the stream of one tenant may be named after the tenant, unless it was declared. */
function asksOf({ routed: { topic }, awaited }: Carried, keys: readonly string[], nowMs: number): Ask[] {
  const windowMs = (topic.windowHours ?? topic.retentionHours) * msPerHour;
  const terms = { nowMs, windowMs, awaited, others: topic.isolation !== 'tenant' };
  return keys.map((key) => ({ key, terms }));
}

function windowSamples(
  service: string,
  { name: topic, topic: { volume, windowHours, retentionHours } }: Routed,
  facts: readonly StreamFacts[],
): Sample[] {
  if (volume === undefined) return [];
  const kept = facts.reduce((total, { length }) => total + length, 0);
  const meant = (volume.eventsPerDay / hoursPerDay) * (windowHours ?? retentionHours);
  return [sampleOf('redis.stream.window_ratio', { service, topic }, kept / meant)];
}
