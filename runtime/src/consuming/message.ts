import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { MillraceEvent } from '../contracts/event.ts';
import type { Topic } from '../contracts/topology.ts';
import type { Failure } from '../dead-letters.ts';
import { attemptsBeforeSetAside } from './retry.ts';

/** A message as it came from the broker. */
export interface Entry {
  /** Position in its source. */
  readonly id: string;
  readonly event: MillraceEvent | MillraceError;
  /** Attempts begun before this delivery, and by whom. */
  readonly made: number;
  readonly by: string;
  /** Whether the process that began the last attempt went away during it, for all we know. */
  readonly orphaned: boolean;
  /** Runs alone whatever its attempt: one of several that may have killed their process, and which is not known. @default false */
  readonly careful?: boolean;
}

/** A message in memory: waiting for its handler, in its hands, or waiting for its acknowledgement to be confirmed. */
export interface Message {
  readonly id: string;
  readonly event: MillraceEvent;
  /** The attempt that is next or running, from 1. */
  attempt: number;
  begun: boolean;
  /** How often it could not begin because what its handler needs was away. */
  away: number;
  /** The last chance of an event that may be killing its process: it runs alone, so that no innocent event is set aside for it. */
  readonly alone: boolean;
  /** To be set aside without being handled. */
  readonly doomed: boolean;
  /** Was in a batch that failed: it is handed over by itself, so that it answers for itself alone. */
  single: boolean;
  readonly failures: Failure[];
}

/** What stands in the stream or queue of one tenant and gives itself out as another's event is none. @param tenant whose it is; undefined where all share it */
export function ofTenant(
  event: MillraceEvent | MillraceError,
  tenant: string | undefined,
  place: 'queue' | 'stream',
): MillraceEvent | MillraceError {
  if (tenant === undefined || isMillraceError(event) || event.tenantid === tenant) return event;
  return new MillraceError('EVENT_INVALID', `event is of another tenant than the ${place} it was found in`);
}

/** The key that makes the order of an entry; its own id where it has none. */
export function keyOf({ id, event }: Pick<Entry, 'id' | 'event'>): string {
  return isMillraceError(event) ? id : (event.partitionkey ?? id);
}

export function messageOf({ id, event, made, by, orphaned, careful = false }: Entry, retry: Topic['retry']): Message {
  const limit = attemptsBeforeSetAside(retry);
  const before: Failure[] =
    made === 0 ? [] : [{ attempt: made, message: 'delivered before, to a consumer that did not answer for it', consumer: by }];
  if (isMillraceError(event)) {
    const failures = [...before, { attempt: made, message: event.message, consumer: by }];
    return { id, event: unreadable(id), attempt: made + 1, begun: false, away: 0, alone: false, doomed: true, single: true, failures };
  }
  return {
    id,
    event,
    attempt: made + 1,
    begun: false,
    away: 0,
    alone: careful || (orphaned && made + 1 === limit),
    doomed: made >= limit,
    single: false,
    failures: before,
  };
}

/** Stands for an entry that is no event; it is never shown to a handler. */
function unreadable(id: string): MillraceEvent {
  return { id, source: '', type: '', time: '' };
}
