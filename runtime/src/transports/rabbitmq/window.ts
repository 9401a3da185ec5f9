/** Messages that may wait for the broker's confirm at once, over all calls of a transport. */
export interface Window {
  /** Takes a place; where none is free, `onFree` is called once when there may be one again. */
  take(onFree: () => void): boolean;
  give(): void;
}

export function createWindow(size: number): Window {
  const waiting = new Set<() => void>();
  let free = size;
  return {
    take(onFree) {
      if (free === 0) {
        waiting.add(onFree);
        return false;
      }
      free -= 1;
      return true;
    },
    give() {
      free += 1;
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next);
      next();
    },
  };
}
