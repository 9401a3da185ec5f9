import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';

/** A redaction can be stopped between two steps. */
export interface Running {
  /** @throws {MillraceError} REDACTION_STOPPED once it is to stop */
  check(): void;
  /** As `check`, before and after `ms`, which it cuts short. */
  wait(ms: number): Promise<void>;
}

export function runningUntil(signal: AbortSignal | undefined, id: string): Running {
  const check = (): void => {
    if (signal?.aborted !== true) return;
    throw new MillraceError('REDACTION_STOPPED', `redaction ${id} was stopped between two steps: go on with --resume ${id}`);
  };
  return {
    check,
    async wait(ms) {
      check();
      await new Pause().wait(ms, signal);
      check();
    },
  };
}
