import { type Notes, note } from './examination.ts';

/** Above this, ages and alerts are off by what people notice; AWS refuses signatures at five minutes. */
const maxSkewMs = 5_000;

/**
 * Compares the clock of a server with the one here, and notes when they are more than 5 s apart, what the question took taken into account.
 *
 * @param ask gives the time of the server, in milliseconds since 1970.
 * @param grainMs how exact that time is.
 */
export async function noteClock(notes: Notes, ask: () => Promise<number | undefined>, grainMs = 0): Promise<void> {
  const before = Date.now();
  const theirs = await ask();
  const after = Date.now();
  const skewMs = theirs === undefined ? 0 : skewBetween(theirs, before, after, grainMs);
  if (Math.abs(skewMs) <= maxSkewMs) return;
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  note(notes, 'degraded', 'CLOCK_SKEWED', `its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the clock here`);
}

/** How far a time that was read between two others is outside of them at least; positive is ahead. */
function skewBetween(theirs: number, before: number, after: number, grainMs: number): number {
  if (theirs > after) return theirs - after;
  return Math.min(0, theirs + grainMs - before);
}
