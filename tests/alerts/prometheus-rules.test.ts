import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWatched } from '../../alerts/prometheus/promql.ts';
import { type AlertingRule, type RuleGroup, renderRules, ruleGroups } from '../../alerts/prometheus/rules.ts';
import { alertsOf } from '../../alerts/resolve.ts';
import { alertRows } from '../../alerts/rows/index.ts';
import { local } from '../../environments/local.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import { expressionCases } from './cases.ts';
import { promtool, writeRuleTest } from './promtool.ts';
import { type TriedRule, tried } from './rule-cases.ts';

const reason = 'measured here for a month';
const overrides = {
  'redis-memory@events': { threshold: 0.7, reason },
  'streams-lag': { threshold: 500, reason },
  'outbox-gaps': { disabled: true, reason: 'imports hold\ntransactions open here' },
} as const;

const declared = (alerts: NonNullable<EnvironmentInput['alerts']> = {}) => {
  const second = { jobs: { kind: 'redis', role: 'jobs' } } as const;
  return parseEnvironment({ ...local, services: { ...local.services, ...second }, alerts });
};
const plain = declared();
const changed = declared({ overrides });

const isAlerting = (rule: object): rule is AlertingRule => 'alert' in rule;
const triedRules = (environment: typeof plain, rows = alertRows) => {
  const alerts = alertsOf(environment, rows);
  const groups = ruleGroups(alerts, environment.alerts);
  const recordings = groups.filter(({ rules }) => rules.every((rule) => !isAlerting(rule)));
  return { recordings, tried: groups.flatMap(({ rules }) => rules.filter(isAlerting).map((rule) => tried(rule, alerts))) };
};

let folder: TestFolder;
beforeAll(async () => {
  folder = await testFolder('rules');
});
afterAll(() => folder.remove());

const verdictOn = (rules: readonly TriedRule[], recordings: readonly RuleGroup[]) =>
  promtool('test', 'rules', ...rules.map((rule, index) => writeRuleTest(folder.path, `${rule.rule.alert}-${index}`, rule, recordings)));

test('promtool finds nothing wrong with the rules, and no rule twice', async () => {
  for (const environment of [plain, changed]) {
    const file = join(folder.path, 'all.yml');
    writeFileSync(file, renderRules(alertsOf(environment), environment.alerts));
    const { ok, output } = await promtool('check', 'rules', '--lint-fatal', file);
    expect({ ok, output }).toEqual({ ok: true, output: expect.stringContaining('SUCCESS') });
  }
});

test('every rule fires beyond its threshold and not before, after its time and not before', async () => {
  const rows = alertRows.filter((row) => Object.keys(overrides).some((key) => key.split(/[.@]/)[0] === row.id));
  const [all, those] = [triedRules(plain), triedRules(changed, rows)];
  expect(new Set(all.tried.map(({ row }) => row.id))).toEqual(new Set(alertRows.filter(isWatched).map(({ id }) => id)));
  const verdict = await verdictOn([...all.tried, ...those.tried], all.recordings);
  expect(verdict.output.split('\n').filter((line) => /FAILED|expr:|exp:|got:|rror/.test(line))).toEqual([]);
  expect(verdict.ok).toBe(true);
}, 60_000);

test('fails if a comparison is turned round, a threshold moves, a fold changes or a rule waits another time', async () => {
  const { tried: rules, recordings } = triedRules(plain);
  const spoilt: [what: string, id: string, change: (rule: AlertingRule) => AlertingRule][] = [
    ['comparison', 'redis-memory', (rule) => ({ ...rule, expr: rule.expr.replace('>', '<') })],
    ['threshold', 'redis-memory', (rule) => ({ ...rule, expr: rule.expr.replace(/[\d.]+$/, '0.85') })],
    ['fold', 'streams-lag', (rule) => ({ ...rule, expr: rule.expr.replace('sum by', 'max by') })],
    ['time', 'streams-lag', (rule) => ({ ...rule, for: '15s' })],
    ['longer time', 'streams-lag', (rule) => ({ ...rule, for: '10m' })],
    ['expression', 'kafka-group-idle', (rule) => ({ ...rule, expr: rule.expr.replace('members', 'lag') })],
    ['memory', 'kafka-offline-partitions', (rule) => ({ ...rule, expr: rule.expr.replace(/last_over_time\(\((.*)\)\[10m:15s\]\)/, '$1') })],
    ['absence', 'probe-silent', (rule) => ({ ...rule, expr: rule.expr.replace(/ or absent.*/, '') })],
  ];
  for (const [what, id, change] of spoilt) {
    const sound = rules.find(({ row }) => row.id === id)!;
    const rule = change(sound.rule);
    expect(rule).not.toEqual(sound.rule);
    expect({ what, ok: (await verdictOn([{ ...sound, rule }], recordings)).ok }).toEqual({ what, ok: false });
  }
}, 30_000);

test('fails if a row with an expression has no cases, or cases have no row', () => {
  const ids = alertRows.flatMap(({ id, prometheus }) => (prometheus !== undefined && 'expression' in prometheus ? [id] : []));
  expect(Object.keys(expressionCases).sort()).toEqual(ids.sort());
});

test('a service with another threshold has a rule of its own, which says why', () => {
  const rules = triedRules(changed).tried.filter(({ row, level }) => row.id === 'redis-memory' && level.severity === 'critical');
  expect(rules.map(({ services, rule }) => [services, rule.annotations.threshold_reason])).toEqual([
    [['events'], reason],
    [['jobs'], undefined],
  ]);
  const { tried: shared } = triedRules(plain);
  expect(shared.find(({ row }) => row.id === 'redis-memory')?.rule).toMatchObject({
    expr: 'max by (service, node) (millrace_redis_memory_used_ratio{service=~"events|jobs"}) > 0.8',
    for: '300s',
    labels: { severity: 'warning' },
    annotations: {
      summary:
        'Redis has used most of its memory: {{ $labels.service }}{{ with $labels.node }}, node {{ . }}{{ end }}, {{ $value | humanizePercentage }} (alert when > 80 %)',
      runbook_url: 'docs/runbooks/redis-memory.md',
    },
  });
});

test('a reason is no template, whatever stands in it', async () => {
  const environment = declared({ overrides: { 'streams-lag': { threshold: 500, reason: 'as {{ measured here' } } });
  const rules = ruleGroups(alertsOf(environment), environment.alerts).flatMap((group) => group.rules.filter(isAlerting));
  const rule = rules.find(({ alert }) => alert === 'streams-lag')!;
  expect(rule.annotations.threshold_reason).toBe('as {{ "{{" }} measured here');
  const file = join(folder.path, 'reason.yml');
  writeFileSync(file, renderRules(alertsOf(environment), environment.alerts));
  expect(await promtool('check', 'rules', file)).toMatchObject({ ok: true });
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', rules: [{ ...rule, annotations: { reason: 'as {{ measured here' } }] }] }));
  expect(await promtool('check', 'rules', file)).toMatchObject({ ok: false });
});

test('what is disabled is no rule, and the file says why', () => {
  const text = renderRules(alertsOf(changed), changed.alerts);
  expect(text.split('\n')[0]).toBe('# disabled: outbox-gaps.warning@database: imports hold transactions open here');
  expect(text).not.toContain('"outbox-gaps"');
});

test('operations a second are recorded with their mean and deviation of a week', () => {
  const { recordings } = triedRules(plain);
  const records = recordings.flatMap(({ rules }) => rules.flatMap((rule) => ('record' in rule ? [rule.record] : [])));
  expect(records).toEqual(['rate5m', 'mean1w', 'stddev1w'].map((what) => `millrace:redis_operations:${what}`));
  expect(ruleGroups(alertsOf({ ...plain, services: { log: plain.services.log! } }), plain.alerts).map(({ name }) => name)).not.toContain(
    'millrace-recordings',
  );
});
