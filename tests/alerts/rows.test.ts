import type { AlertRow } from '../../alerts/row.ts';
import { alertRows } from '../../alerts/rows/index.ts';
import { type Signal, type SignalName, signalLabels, signals } from '../../runtime/src/contracts/signals.ts';
import { metricsOf, problemsOf } from './row-problems.ts';

/** Signals that CloudWatch is told, at 0.30 USD a month for each series, though no alert uses them there. */
const untold: Readonly<Partial<Record<SignalName, string>>> = {
  'outbox.backlog': 'tells in the runbook of outbox-oldest-age, and on the dashboard, whether a relay catches up or falls behind',
  'kafka.topic.dead_letters': 'tells in the runbook of kafka-dead-letters how many there are; the alert counts those that came',
};

const [sample] = alertRows.filter(({ id }) => id === 'streams-lag') as [AlertRow];

/** Signals for CloudWatch that neither a row uses nor the list above has a reason for, and reasons that are no longer needed. */
function needless(rows: readonly AlertRow[]): string[] {
  const used = new Set(rows.flatMap(({ cloudWatch = [] }) => cloudWatch.filter(({ of }) => of === 'probe').flatMap(metricsOf)));
  const paid = (Object.keys(signals) as SignalName[]).filter((name) => signals[name].onAws);
  return paid.filter((name) => used.has(name) === (untold[name] !== undefined));
}

test('rows are as their renderers need them', () => {
  expect(alertRows.flatMap(problemsOf)).toEqual([]);
});

test('an id is given once', () => {
  const ids = alertRows.map(({ id }) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

test('every signal that CloudWatch is paid for is used by an alert there', () => {
  expect(needless(alertRows)).toEqual([]);
  expect(needless(alertRows.filter(({ id }) => id !== sample.id))).toEqual(['redis.stream.lag']);
});

test('at most a third of the levels wakes somebody up', () => {
  const levels = alertRows.flatMap((row) => Object.keys(row.levels));
  expect(levels.filter((severity) => severity === 'critical').length / levels.length).toBeLessThanOrEqual(1 / 3);
});

test('no signal has a label for tenants', () => {
  const labels: readonly string[] = [...signalLabels, ...Object.values<Signal>(signals).flatMap((signal) => signal.labels)];
  expect(labels.filter((label) => label.includes('tenant'))).toEqual([]);
});

const probeView = sample.cloudWatch![0]!;

test.each<[what: string, row: Partial<AlertRow>, problem: string]>([
  ['an id with capitals', { id: 'streams-Lag' }, 'joined by hyphens'],
  ['an id of another subject', { id: 'redis-lag' }, 'does not begin with streams'],
  ['a row that nobody sees', { cloudWatch: [], prometheus: undefined as never }, 'no back end sees it'],
  ['a reason that is none', { why: 'it is bad' }, 'why says nothing'],
  ['no level', { levels: {} }, 'has no level'],
  [
    'levels the wrong way round',
    { levels: { warning: { threshold: 5, forSeconds: 0 }, critical: { threshold: 4, forSeconds: 0 } } },
    'not beyond',
  ],
  [
    'levels that are the same',
    { levels: { warning: { threshold: 5, forSeconds: 60 }, critical: { threshold: 5, forSeconds: 60 } } },
    'not beyond',
  ],
  [
    'levels the wrong way round at one size',
    { levels: { warning: { threshold: 5, forSeconds: 0 }, critical: { threshold: { small: 9, medium: 9, large: 4 }, forSeconds: 0 } } },
    'not beyond',
  ],
  ['levels of CloudWatch the wrong way round', { cloudWatch: [{ ...probeView, levels: {} }] }, 'has no level'],
  [
    'a metric that the construct does not have',
    { cloudWatch: [{ of: 'elasticache', metric: 'Lag', periodSeconds: 60 }] },
    'elasticache has no metric Lag',
  ],
  [
    'a signal that CloudWatch is not told',
    { cloudWatch: [{ of: 'probe', signal: 'redis.connections.used_ratio', periodSeconds: 60 }] },
    'not told the signal redis.connections.used_ratio',
  ],
  ['a signal that does not exist', { prometheus: { signal: 'redis.stream.mood' as never, by: [] } }, 'no signal redis.stream.mood'],
  ['a label that the signal does not have', { prometheus: { signal: 'redis.stream.lag', by: ['queue'] } }, 'has no label queue'],
  ['a counter that is compared as it is', { prometheus: { signal: 'redis.evicted_keys' } }, 'a counter is not compared'],
  [
    'an expression over what the probe does not tell',
    { prometheus: { expression: 'millrace_redis_mood', by: ['service'] } },
    'has no millrace_redis_mood',
  ],
  ['a label for tenants', { prometheus: { expression: 'up', by: ['service', 'tenant'] } }, 'names tenants'],
])('fails on %s', (_, change, problem) => {
  expect(problemsOf({ ...sample, ...change })).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
});
