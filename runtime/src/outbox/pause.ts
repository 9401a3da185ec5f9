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

/** Waits before attempt number `attempt` (2 is the first repetition): 50 ms doubling to `maxMs`, with full jitter above the half. */
export async function backoff(attempt: number, maxMs: number, signal: AbortSignal): Promise<void> {
  const ceiling = Math.min(maxMs, 50 * 2 ** Math.min(attempt - 2, 20));
  await new Pause().wait(ceiling * (0.5 + Math.random() / 2), signal);
}
