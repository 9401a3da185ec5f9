import type { SignalUnit } from '../runtime/src/contracts/signals.ts';
import type { AlertRow, Level } from './row.ts';

/** What stands behind a number of a unit, for people. */
const nouns: Readonly<Record<SignalUnit, string>> = {
  '1': '',
  s: ' s',
  By: ' B',
  '%': ' %',
  '{event}': ' events',
  '{entry}': ' entries',
  '{message}': ' messages',
  '{key}': ' keys',
  '{transaction}': ' transactions',
  '{operation}': ' operations',
  '{operation}/s': ' operations/s',
  '{connection}': ' connections',
};

/** Every threshold that the row has at any size. */
export function thresholdsOf({ levels }: Pick<AlertRow, 'levels'>): number[] {
  return Object.values(levels).flatMap(({ threshold }) => (typeof threshold === 'number' ? [threshold] : Object.values(threshold)));
}

/** Whether the row is about a part of a whole and shown as percent: its signal says so, or a threshold between two whole numbers. */
export function isShare(row: Pick<AlertRow, 'unit' | 'levels' | 'prometheus'>): boolean {
  if (row.unit !== '1') return false;
  const { prometheus: view } = row;
  const named = view !== undefined && 'signal' in view && view.signal.endsWith('_ratio');
  return named || thresholdsOf(row).some((threshold) => !Number.isInteger(threshold));
}

/** A part of a whole as people say it. @example percentText(0.8) // 80 % */
export function percentText(share: number): string {
  return `${Number((share * 100).toPrecision(12))} %`;
}

/** The threshold of a level, and where sizes differ each of them. @param text one of them for people */
export function sizesText({ threshold }: Level, text: (threshold: number) => string): string {
  if (typeof threshold === 'number') return text(threshold);
  return Object.entries(threshold)
    .map(([size, each]) => `${text(each)} (${size})`)
    .join(', ');
}

/** A threshold of the row for people. @example thresholdText(redisMemory, 0.8) // 80 % */
export function thresholdText(row: Pick<AlertRow, 'unit' | 'levels' | 'prometheus'>, threshold: number): string {
  return isShare(row) ? percentText(threshold) : `${threshold.toLocaleString('en-US')}${nouns[row.unit]}`;
}

/** A value of the row for people, as a template of Prometheus. */
export function valueTemplate(row: Pick<AlertRow, 'unit' | 'levels' | 'prometheus'>): string {
  if (isShare(row)) return '{{ $value | humanizePercentage }}';
  if (row.unit === 's') return '{{ $value | humanizeDuration }}';
  if (row.unit === 'By') return '{{ $value | humanize1024 }}B';
  return `{{ $value | humanize }}${nouns[row.unit]}`;
}
