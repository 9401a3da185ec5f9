import { MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { PublishResult } from '../../transport.ts';
import { refusalOf } from './refusals.ts';
import type { Routed } from './topics.ts';

/** Events of one call that are published one after the other, as indices into the call's events. */
export interface PublishLane {
  /** With the topic; undefined where there is nothing to keep in order. */
  readonly key: string | undefined;
  readonly indices: number[];
  /** How many have been confirmed. */
  done: number;
}

/**
 * Sorts events by key, in their order; one without a key, or of a topic without order, is a lane of its own. Events that cannot be published get their result
 * at once, and with them the later ones of their keys.
 */
export function planLanes(routed: Routed, events: readonly MillraceEvent[], results: PublishResult[]): PublishLane[] {
  const lanes: PublishLane[] = [];
  const byKey = new Map<string, PublishLane | undefined>();
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    const key = routed.topic.ordered ? event.partitionkey : undefined;
    if (key === undefined) {
      const refusal = refusalOf(routed, event);
      if (refusal === undefined) lanes.push({ key, indices: [i], done: 0 });
      else results[i] = failedResult(refusal);
      continue;
    }
    const known = byKey.has(key);
    const lane = byKey.get(key);
    const refusal = known && lane === undefined ? heldBack(event) : refusalOf(routed, event);
    if (refusal !== undefined) {
      results[i] = failedResult(refusal);
      byKey.set(key, undefined);
    } else if (lane !== undefined) lane.indices.push(i);
    else {
      const opened = { key: `${routed.name} ${key}`, indices: [i], done: 0 };
      byKey.set(key, opened);
      lanes.push(opened);
    }
  }
  return lanes;
}

/** Ends a lane at the event that failed: nothing of a key is published after it. */
export function failLane(
  { indices, done }: PublishLane,
  events: readonly MillraceEvent[],
  results: PublishResult[],
  error: MillraceError | undefined,
): void {
  const [first, ...later] = indices.slice(done);
  results[first!] = failedResult(error ?? heldBack(events[first!]!));
  for (const index of later) results[index] = failedResult(heldBack(events[index]!));
}

function heldBack({ id, partitionkey }: MillraceEvent): MillraceError {
  return new MillraceError('PUBLISH_FAILED', `event ${id} waits for an earlier one of key ${partitionkey} that was not published`);
}

export function failedResult(error: MillraceError): PublishResult {
  return { status: 'failed', retriable: error.retriable, error };
}
