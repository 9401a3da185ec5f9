import type { Paint } from '../rig/paint.ts';

/** What became of one act. */
export interface Rung {
  readonly act: string;
  readonly alerts: readonly RungAlert[];
}

export interface RungAlert {
  readonly id: string;
  /** From the cause until Alertmanager had it; undefined when it never came. */
  readonly rangAfterMs: number | undefined;
  /** From the mending until it was gone; undefined when it stayed. */
  readonly silentAfterMs: number | undefined;
}

/** What a drill has shown. */
export interface Result {
  readonly rung: readonly Rung[];
  /** Sentences about what did not hold; empty when everything did. */
  readonly broken: readonly string[];
}

/** Every promise that was not kept, as a sentence. */
export function brokenPromises(rung: readonly Rung[], ringsWithinMs: number, silentWithinMs: number): string[] {
  if (rung.length === 0) return ['nothing was brought about, so nothing was shown'];
  return rung.flatMap(({ act, alerts }) =>
    alerts.flatMap(({ id, rangAfterMs, silentAfterMs }) => [
      ...(isWithin(rangAfterMs, ringsWithinMs) ? [] : [`${id} did not ring within ${seconds(ringsWithinMs)}: ${act}`]),
      ...(isWithin(silentAfterMs, silentWithinMs) ? [] : [`${id} was not silent ${seconds(silentWithinMs)} after it was mended: ${act}`]),
    ]),
  );
}

/** The table that people read. */
export function table({ rung, broken }: Result, { good, bad }: Paint): string {
  const rows = rung.flatMap(({ act, alerts }) => alerts.map((alert, index) => [alert, index === 0 ? act : ''] as const));
  const width = Math.max(...rows.map(([{ id }]) => id.length), 'alert'.length);
  const lines = rows.map(([{ id, rangAfterMs, silentAfterMs }, act]) => {
    const times = [rangAfterMs, silentAfterMs].map((ms) => (ms === undefined ? bad('never'.padStart(7)) : seconds(ms).padStart(7)));
    return `  ${id.padEnd(width)}  ${times.join('  ')}  ${act}`;
  });
  const head = `  ${'alert'.padEnd(width)}  ${'rang'.padStart(7)}  ${'silent'.padStart(7)}  what happened`;
  const end =
    broken.length === 0 ? good('  Every alert rang and went silent.') : broken.map((sentence) => bad(`  BROKEN  ${sentence}`)).join('\n');
  return [head, ...lines, '', end, ''].join('\n');
}

const isWithin = (ms: number | undefined, limitMs: number): boolean => ms !== undefined && ms <= limitMs;
const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
