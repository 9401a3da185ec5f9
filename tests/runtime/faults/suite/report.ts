import type { Outcome } from './run.ts';

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

/** A line a run, aligned. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const head = ['run', 'events', 'blows', 'ends', 'duplicates', 'allowed', 'worst recovery, s', 'violations'];
  const rows = outcomes.map(({ name, events, blows, kills, duplicates, duplicatesAllowed, violations, failures }) => [
    name.length > 70 ? `${name.slice(0, 67)}...` : name,
    ...[events, blows.length, kills, duplicates, duplicatesAllowed].map((count) => count.toLocaleString('en-US')),
    blows.some(({ recoveredMs }) => recoveredMs === undefined)
      ? 'never'
      : seconds(Math.max(...blows.map(({ recoveredMs }) => recoveredMs!))),
    String(violations.size + failures.length),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  return [head, ...rows]
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}

/** What did not hold, with the first few of what shows it, and where to look. */
export function complaintsOf({ violations, failures, blows, folder }: Outcome): string[] {
  const lines = [
    ...[...violations].map(([invariant, shown]) => `${invariant}: ${shown.length} times not; ${shown.slice(0, 3).join('; ')}`),
    ...failures,
    ...blows.filter(({ recoveredMs }) => recoveredMs === undefined).map(({ what }) => `the flow did not go on after ${what}`),
  ];
  return lines.length === 0 ? [] : [...lines, `histories are kept in ${folder}`];
}
