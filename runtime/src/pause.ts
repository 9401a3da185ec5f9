import { backoffMs } from './connections/backoff.ts';

/** A wait that others can cut short. */
export class Pause {
  #wake: (() => void) | undefined;
  #poked = false;

  /** Ends the current wait, or the next one at once. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#poked && signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal?.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
      this.#wake = undefined;
    }
    this.#poked = false;
  }
}

/** Waits before attempt number `attempt`; 2 is the first repetition. */
export async function backoff(attempt: number, maxMs: number, signal: AbortSignal): Promise<void> {
  await new Pause().wait(backoffMs(attempt - 1, maxMs), signal);
}
