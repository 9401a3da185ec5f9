import type { Progress } from './progress.ts';

/** Aborts at the first signal; further ones only say that the stop is under way. */
export function interruption(progress: Progress): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) progress.step('still stopping, nothing is to be left running');
      controller.abort(new Error(`interrupted by ${signal}`));
    });
  }
  return controller.signal;
}
