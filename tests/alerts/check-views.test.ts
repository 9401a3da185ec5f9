import { alertProblems } from '../../alerts/check.ts';
import type { AlertRow } from '../../alerts/row.ts';
import { local } from '../../environments/local.ts';
import { production } from '../../environments/production.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';

const common = { missing: 'fine', why: 'it matters to users.', source: 'a test' } as const;
const hostCpu: AlertRow = {
  ...{ ...common, id: 'redis-host-cpu', subject: 'redis', title: 'The machine is busy', unit: '%', comparison: '>' },
  levels: { warning: { threshold: 90, forSeconds: 300 } },
};
const reason = 'measured here for a month';
type Alerts = NonNullable<EnvironmentInput['alerts']>;
const environmentWith = (alerts: Alerts, base: EnvironmentInput) => parseEnvironment({ ...base, alerts });

describe('a threshold for all services, where AWS measures one of them at another height', () => {
  const sentinel = (threshold: number) => ({
    ...({ of: 'redis-sentinel', metric: 'CPUUtilization', periodSeconds: 300 } as const),
    levels: { warning: { threshold, forSeconds: 900 } },
  });
  const withView = (threshold = 45) =>
    [{ ...hostCpu, cloudWatch: [{ of: 'elasticache', metric: 'CPUUtilization', periodSeconds: 60 }, sentinel(threshold)] }] as const;
  const problems = (overrides: NonNullable<Alerts['overrides']>, base: EnvironmentInput = production, threshold?: number) =>
    alertProblems(environmentWith({ overrides }, base), withView(threshold)).map(({ path, message }) => `${path}: ${message}`);

  test.each(['redis-host-cpu', 'redis-host-cpu.warning'])('fails if %s does not name the service', (key) => {
    expect(problems({ [key]: { threshold: 80, reason } })).toEqual([
      `alerts.overrides.${key}: would also replace thresholds that AWS measures in a way of their own, warning of events at 45 %; name the service that is meant: ${key}@cache, ${key}@events`,
    ]);
  });

  test('changes something when only that one is changed', () => {
    expect(problems({ 'redis-host-cpu@events': { threshold: 90, reason } })).toEqual([]);
  });

  test('is fine for one service, beside a closer one, where it disables, at the same height, and without such a service', () => {
    expect(problems({ 'redis-host-cpu@cache': { threshold: 80, reason } })).toEqual([]);
    expect(problems({ 'redis-host-cpu': { threshold: 80, reason }, 'redis-host-cpu@events': { threshold: 50, reason } })).toEqual([]);
    expect(problems({ 'redis-host-cpu': { disabled: true, reason } })).toEqual([]);
    expect(problems({ 'redis-host-cpu': { threshold: 80, reason } }, production, 90)).toEqual([]);
    const services = { cache: { kind: 'redis', role: 'cache' } } as const;
    expect(problems({ 'redis-host-cpu': { threshold: 80, reason } }, { ...production, services, workers: {}, topology: {} })).toEqual([]);
  });
});

describe('one alarm for all services', () => {
  const silent: AlertRow = {
    ...{ ...common, id: 'probe-silent', subject: 'probe', title: 'The probe tells nothing', unit: '1', comparison: '<' },
    levels: { critical: { threshold: 0, forSeconds: 180 } },
    cloudWatch: [{ of: 'probe', signal: 'probe.up', periodSeconds: 60, ofAllServices: true }],
    prometheus: { signal: 'probe.up' },
  };
  const problems = (key: string, override: NonNullable<Alerts['overrides']>[string], base: EnvironmentInput) =>
    alertProblems(environmentWith({ overrides: { [key]: override } }, base), [silent]).map(({ message }) => message);

  test.each([
    ['probe-silent@cache', { threshold: 1, reason }, 'probe-silent'],
    ['probe-silent.critical@cache', { disabled: true, reason }, 'probe-silent.critical'],
  ] as const)('fails if %s is about one of them on AWS', (key, override, instead) => {
    expect(problems(key, override, production)).toEqual([
      `probe-silent is one alarm for all services on AWS; use the key without @cache: ${instead}`,
    ]);
    expect(problems(key, override, local)).toEqual([]);
    expect(problems(instead, override, production)).toEqual([]);
  });
});
