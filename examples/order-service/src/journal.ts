import { openSync, writeSync } from 'node:fs';
import type { once } from 'millrace/inbox';

/** Milliseconds on the clock that all processes of a machine share and that nobody sets: what one process notes can be compared with what another does. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Notes what this process saw, and when. */
export type Journal = (what: string, atMs: number, ...details: readonly string[]) => void;

/** A line a note in the file that `JOURNAL` names, written at once so that it outlives a killed process; without the variable nothing is noted. */
export function openJournal(): Journal {
  const path = process.env.JOURNAL;
  if (path === undefined) return () => undefined;
  const file = openSync(path, 'a');
  return (what, atMs, ...details) => {
    writeSync(file, `${[what, atMs.toFixed(3), ...details].join('\t')}\n`);
  };
}

/** The same as `apply`, noting each delivery when it comes and what became of it when its transaction has ended. */
export function journaled(apply: typeof once): typeof once {
  const journal = openJournal();
  return async (pool, consumer, delivery, effect) => {
    const stream = delivery.lease?.scope ?? '';
    journal('delivered', nowMs(), delivery.event.id, stream);
    const taken = await apply(pool, consumer, delivery, effect);
    journal(taken, nowMs(), delivery.event.id, stream);
    return taken;
  };
}
