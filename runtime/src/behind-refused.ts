import { MillraceError } from './contracts/errors.ts';
import type { MillraceEvent } from './contracts/event.ts';

/** Why an event is not published with which nothing is wrong: none may overtake another of its key that was refused. */
export function behindRefused({ id, partitionkey }: MillraceEvent): MillraceError {
  return new MillraceError('PUBLISH_FAILED', `event ${id} waits for an earlier one of key ${partitionkey} that was refused`);
}
