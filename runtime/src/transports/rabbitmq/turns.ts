/** Keys with events under way, over all calls of a transport: calls that come later with the same key wait for their turn. */
export interface Turns {
  /** Whether it is the key's turn at once; else `onTurn` is called when it is, with whether the one before has failed. */
  take(key: string, onTurn: (failed: boolean) => void): boolean;
  pass(key: string, failed: boolean): void;
}

export function createTurns(): Turns {
  const waiting = new Map<string, ((failed: boolean) => void)[]>();
  return {
    take(key, onTurn) {
      const behind = waiting.get(key);
      if (behind !== undefined) {
        behind.push(onTurn);
        return false;
      }
      waiting.set(key, []);
      return true;
    },
    pass(key, failed) {
      const next = waiting.get(key)?.shift();
      if (next === undefined) waiting.delete(key);
      else next(failed);
    },
  };
}
