import type { MillraceEvent } from '../../contracts/event.ts';
import type { BatchHandler } from '../../transport.ts';

/** Keys whose handlers run in this process, whichever channel their events came over: a handler may outlive its channel, and another one after that. */
export interface RunningKeys {
  /** `handler`, with its keys noted as long as it runs. */
  noting(handler: BatchHandler): BatchHandler;
  /** Calls `go` when no handler of the event's key runs: at once, or later. */
  whenFree(event: MillraceEvent, go: () => void): void;
}

export function createRunningKeys(): RunningKeys {
  /** What waits until the handler of a key has ended, in its order. */
  const running = new Map<string, (() => void)[]>();
  const whenFree = (key: string, go: () => void): void => {
    const waiting = running.get(key);
    if (waiting === undefined) go();
    else waiting.push(go);
  };
  const free = (key: string): void => {
    const waiting = running.get(key) ?? [];
    running.delete(key);
    // The first may begin a handler of the key at once.
    for (const go of waiting) whenFree(key, go);
  };
  return {
    noting: (handler) => async (deliveries) => {
      const keys = new Set(deliveries.map(({ event }) => keyOf(event)));
      for (const key of keys) running.set(key, []);
      try {
        await handler(deliveries);
      } finally {
        for (const key of keys) free(key);
      }
    },
    whenFree: (event, go) => whenFree(keyOf(event), go),
  };
}

/** An event without a key is one of its own: it can come again while its handler runs. */
function keyOf({ partitionkey, id }: MillraceEvent): string {
  return partitionkey === undefined ? `id ${id}` : `key ${partitionkey}`;
}
