import { settledWithin } from '../once.ts';

/** What `work` gives within `limitMs`; else throws what `late` makes. */
export async function within<T>(work: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  if (await settledWithin(work, Math.max(0, limitMs))) return work;
  throw late();
}
