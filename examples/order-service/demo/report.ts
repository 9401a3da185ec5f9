import type { Paint } from '../rig/paint.ts';
import type { Verdict } from './judge.ts';
import type { Kill } from './kills.ts';
import type { Percentiles } from './times.ts';

/** What a run has shown. */
export interface Result {
  readonly ordersCommitted: number;
  readonly transactionsRolledBack: number;
  readonly eventsCommitted: number;
  readonly verdict: Verdict;
  /** From the sending of the commit to the return of the effect's commit. */
  readonly latency: { readonly all: Percentiles; readonly quiet: Percentiles };
  readonly kills: readonly Kill[];
  /** Sentences about what did not hold; empty when everything did. */
  readonly broken: readonly string[];
}

/** Every invariant that does not hold, as a sentence. */
export function brokenInvariants(result: Omit<Result, 'broken'>, further: readonly string[]): string[] {
  const { verdict, kills } = result;
  const checks: readonly (readonly [broken: boolean, sentence: string])[] = [
    [result.ordersCommitted === 0, 'no order was committed, so nothing was shown'],
    [result.transactionsRolledBack === 0, 'no transaction was rolled back, so nothing was shown about them'],
    [verdict.lost > 0, `effects lost: ${verdict.lost}`],
    [verdict.twice > 0, `effects applied twice: ${verdict.twice}`],
    [verdict.orderViolations > 0, `order violations: ${verdict.orderViolations}`],
    [verdict.ghosts > 0, `events that nobody committed: ${verdict.ghosts}`],
    [kills.length < 3, `kills done: ${kills.length} of 3`],
    ...kills.flatMap(({ what, lanes, resumed, successor }) => [
      [lanes.length === 0, `the ${what} served nothing when it was killed`] as const,
      [resumed === undefined, `the flow did not go on after the kill of the ${what}`] as const,
      [successor === undefined, `nobody took over from the ${what}`] as const,
    ]),
  ];
  return [...checks.filter(([broken]) => broken).map(([, sentence]) => sentence), ...further];
}

/** The table that people read. */
export function table(result: Result, paint: Paint): string {
  const { verdict, latency, kills, broken } = result;
  const mustBeZero = (value: number): string => (value === 0 ? paint.good('0') : paint.bad(count(value)));
  const rows: readonly (readonly [label: string, value: string])[] = [
    ['orders committed', count(result.ordersCommitted)],
    ['transactions rolled back', count(result.transactionsRolledBack)],
    ['events committed', count(result.eventsCommitted)],
    ['events delivered', count(verdict.delivered)],
    ['duplicates seen', count(verdict.duplicates)],
    ['effects applied', count(verdict.effects)],
    ['effects lost', mustBeZero(verdict.lost)],
    ['effects applied twice', mustBeZero(verdict.twice)],
    ['order violations', mustBeZero(verdict.orderViolations)],
    ['events nobody committed', mustBeZero(verdict.ghosts)],
    ['commit to effect, all', percentiles(latency.all)],
    ['commit to effect, no kill near', percentiles(latency.quiet)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  return [...lines, '', ...kills.map(killLine), '', conclusion(broken, paint), ''].join('\n');
}

function killLine({ what, victim, successor, resumed, lanes }: Kill): string {
  const times =
    resumed === undefined
      ? 'no new effect'
      : `first new effect after ${seconds(resumed.firstMs)}, in all ${lanes.length} lanes after ${seconds(resumed.allMs)}`;
  return `  kill -9 ${what}, ${victim}: ${times}; now ${successor ?? 'nobody'}`;
}

function conclusion(broken: readonly string[], { good, bad }: Paint): string {
  if (broken.length === 0) return good('  Every invariant holds.');
  return broken.map((sentence) => bad(`  BROKEN  ${sentence}`)).join('\n');
}

const count = (value: number): string => value.toLocaleString('en-US');
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const percentiles = ({ count: of, p50Ms, p95Ms, p99Ms }: Percentiles): string =>
  of === 0 ? 'none' : `p50 ${millis(p50Ms)}  p95 ${millis(p95Ms)}  p99 ${millis(p99Ms)}`;
const millis = (ms: number): string => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString('en-US')} ms`);
