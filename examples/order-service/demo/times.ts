import type { Applied, Sightings } from './sightings.ts';

/** A kill, as far as times go. */
export interface Disturbance {
  readonly atMs: number;
  /** `group stream` of every lane that the victim served. */
  readonly lanes: readonly string[];
}

export interface Resumption {
  /** Milliseconds from the kill to the first effect of an event committed after it. */
  readonly firstMs: number;
  /** The same for the lane that took longest. */
  readonly allMs: number;
}

export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const laneOf = (group: string, { stream }: Applied): string => `${group} ${stream}`;

/** Lanes that brought an effect since `sinceMs`, of all processes or of one. */
export function lanesServed({ applied }: Sightings, sinceMs: number, process?: string): string[] {
  const lanes = [...applied].flatMap(([group, effects]) =>
    effects
      .filter((effect) => effect.atMs >= sinceMs && (process === undefined || effect.process === process))
      .map((effect) => laneOf(group, effect)),
  );
  return [...new Set(lanes)].sort();
}

/** When the flow went on after a kill, judged by events that were committed after it; undefined until every lane has brought one. */
export function resumption({ applied, committed }: Sightings, { atMs, lanes }: Disturbance): Resumption | undefined {
  const first = new Map<string, number>();
  for (const [group, effects] of applied) {
    for (const effect of effects) {
      const lane = laneOf(group, effect);
      const counts = lanes.includes(lane) && (committed.get(effect.eventId) ?? 0) > atMs;
      if (counts) first.set(lane, Math.min(first.get(lane) ?? Number.POSITIVE_INFINITY, effect.atMs));
    }
  }
  if (lanes.some((lane) => !first.has(lane))) return undefined;
  return { firstMs: Math.min(...first.values()) - atMs, allMs: Math.max(...first.values()) - atMs };
}

/** Commits within this time before a kill may have been waiting for the victim, and those after the flow went on may stand in a queue. */
const before = 2_000;
const after = 5_000;

/** From commit to effect, of all events, or of those committed while no kill was near. */
export function latencies({ applied, committed }: Sightings, near: readonly (Disturbance & Resumption)[] = []): Percentiles {
  const quiet = (at: number): boolean => near.every(({ atMs, allMs }) => at < atMs - before || at > atMs + allMs + after);
  const values = [...applied.values()].flat().flatMap(({ eventId, atMs }) => {
    const committedAtMs = committed.get(eventId);
    return committedAtMs === undefined || !quiet(committedAtMs) ? [] : [atMs - committedAtMs];
  });
  values.sort((a, b) => a - b);
  const at = (share: number): number => values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
  return { count: values.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
