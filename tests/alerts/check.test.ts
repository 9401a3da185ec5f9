import { alertProblems, requireSoundAlerts } from '../../alerts/check.ts';
import type { AlertRow } from '../../alerts/row.ts';
import { local } from '../../environments/local.ts';
import { production } from '../../environments/production.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';

const common = { missing: 'fine', why: 'it matters to users.', source: 'a test' } as const;
const rows: readonly AlertRow[] = [
  {
    ...{ ...common, id: 'redis-memory', subject: 'redis', roles: ['events', 'jobs'], title: 'Redis is full', unit: '1', comparison: '>' },
    levels: { warning: { threshold: 0.8, forSeconds: 300 }, critical: { threshold: 0.9, forSeconds: 60 } },
    prometheus: { signal: 'redis.memory.used_ratio' },
  },
  {
    ...{ ...common, id: 'redis-host-cpu', subject: 'redis', title: 'The machine is busy', unit: '%', comparison: '>' },
    levels: { warning: { threshold: 90, forSeconds: 300 } },
    cloudWatch: [{ of: 'elasticache', metric: 'CPUUtilization', periodSeconds: 60 }],
  },
  {
    ...{ ...common, id: 'outbox-partition-headroom', subject: 'outbox', title: 'The log runs out', unit: '{event}', comparison: '<' },
    levels: {
      warning: { threshold: 3_000, forSeconds: 300 },
      critical: { threshold: { small: 500, medium: 1_000, large: 2_000 }, forSeconds: 60 },
    },
    prometheus: { signal: 'outbox.partition_headroom' },
  },
  {
    ...{ ...common, id: 'kafka-group-lag', subject: 'kafka', title: 'A group is behind', unit: '{message}', comparison: '>' },
    levels: { warning: { threshold: 1_000, forSeconds: 60 } },
    prometheus: { signal: 'kafka.group.lag' },
  },
];

const reason = 'measured here for a month';
type Alerts = NonNullable<EnvironmentInput['alerts']>;
const environmentWith = (alerts: Alerts, base: EnvironmentInput = local) => parseEnvironment({ ...base, alerts });
const problemOf = (alerts: Alerts, base?: EnvironmentInput) =>
  alertProblems(environmentWith(alerts, base), rows).map(({ path, message }) => `${path}: ${message}`);
const { log: _, ...withoutKafka } = local.services!;

test('everything set: overrides of levels, services and whole alerts are fine', () => {
  const overrides = {
    'redis-memory.warning': { threshold: 0.75, reason },
    'redis-memory@events': { disabled: true, reason },
    'kafka-group-lag': { threshold: 5_000, reason },
    'outbox-partition-headroom.critical@database': { threshold: 600, reason },
  } as const;
  const services = { ...local.services, jobs: { kind: 'redis', role: 'jobs' } } as const;
  expect(problemOf({ overrides }, { ...local, services })).toEqual([]);
});

test.each<[why: string, key: string, override: NonNullable<Alerts['overrides']>[string], message: string, base?: EnvironmentInput]>([
  [
    'an alert is unknown',
    'redis-memroy',
    { disabled: true, reason },
    'no alert is named redis-memroy, did you mean redis-memory?; choose from redis-memory, redis-host-cpu',
  ],
  [
    'nothing is like it',
    'x',
    { disabled: true, reason },
    'no alert is named x; choose from redis-memory, redis-host-cpu, outbox-partition-headroom, kafka-group-lag',
  ],
  [
    'the row has no such level',
    'kafka-group-lag.critical',
    { threshold: 5, reason },
    'kafka-group-lag has no level critical; it has warning',
  ],
  [
    'the service has another role',
    'redis-memory@cache',
    { threshold: 0.7, reason },
    'redis-memory does not watch cache; it watches events',
  ],
  [
    'nothing of the kind is declared',
    'kafka-group-lag',
    { threshold: 5, reason },
    'kafka-group-lag watches nothing in this environment; remove the override',
    { ...local, services: withoutKafka, topology: {} },
  ],
  [
    'only the other engine has it',
    'redis-host-cpu',
    { threshold: 50, reason },
    'redis-host-cpu has no effect with the engine process; remove the override',
  ],
  [
    'a part is more than the whole',
    'redis-memory.critical',
    { threshold: 95, reason },
    'must be from 0 to 1, got 95; redis-memory counts parts of 1',
  ],
  ['a threshold is negative', 'kafka-group-lag', { threshold: -1, reason }, 'must not be below 0, got -1'],
  [
    'it says what holds already',
    'outbox-partition-headroom.critical',
    { threshold: 500, reason },
    'changes nothing: what it says holds already, or closer overrides say otherwise; remove it',
  ],
  [
    'the warning comes last',
    'redis-memory.warning',
    { threshold: 0.95, reason },
    'turns the levels of events round: warning at 95 %, critical at 90 %; change both, redis-memory.warning and redis-memory.critical',
  ],
  [
    'the warning comes last below',
    'outbox-partition-headroom.warning',
    { threshold: 400, reason },
    'turns the levels of database round: warning at 400 events, critical at 500 events; change both, outbox-partition-headroom.warning and outbox-partition-headroom.critical',
  ],
])('fails if %s', (...[, key, override, message, base]) => {
  expect(problemOf({ overrides: { [key]: override } }, base)).toEqual([`alerts.overrides.${key}: ${message}`]);
});

test('fails if closer overrides leave nothing to a wider one', () => {
  const overrides = { 'redis-memory': { disabled: true, reason }, 'redis-memory@events': { threshold: 0.7, reason } } as const;
  expect(problemOf({ overrides })).toEqual([
    'alerts.overrides.redis-memory: changes nothing: what it says holds already, or closer overrides say otherwise; remove it',
  ]);
});

const key = { from: 'env', id: 'KEY' } as const;
const inAws = { from: 'aws-secrets-manager', id: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:key' } as const;
type Receiver = NonNullable<NonNullable<Alerts['receivers']>['critical']>[number];
const { alerts: __, ...withoutAlertmanager } = local.services!;

test.each<[why: string, receiver: Receiver, message: string]>([
  ['Slack has no webhook here', { kind: 'slack' }, 'declare the incoming webhook of the channel as webhook'],
  [
    'Slack is declared as for AWS',
    { kind: 'slack', workspaceId: 'T1', channelId: 'C1' },
    'workspaceId and channelId are for AWS; with the engine process declare the incoming webhook of the channel as webhook',
  ],
  ['a key lies in AWS', { kind: 'pagerduty', integrationKey: inAws }, 'a secret of AWS is not read here; take one from env or file'],
  [
    'a key is part of a document',
    { kind: 'pagerduty', integrationKey: { ...key, jsonKey: 'k' } },
    'must have no jsonKey, got k; name a variable or a file with the secret alone',
  ],
  ['no server takes e-mail', { kind: 'email', to: 'a@example.com' }, 'e-mail needs a server that takes it; declare alerts.smtp'],
  [
    'an address holds a password',
    { kind: 'webhook', url: 'https://millrace:secret@example.com/' },
    'must have no user and no password in its url; let the program take its calls without',
  ],
  [
    'an address is none of the web',
    { kind: 'webhook', url: 'ftp://example.com/' },
    'must have a url that begins with http:// or https://, got ftp://',
  ],
])('fails if %s', (_, receiver, message) => {
  expect(problemOf({ receivers: { critical: [receiver] } })).toEqual([`alerts.receivers.critical.0: ${message}`]);
});

test.each([
  ['process', local],
  ['aws', production],
])('fails if a receiver is named twice, with the engine %s', (_, base) => {
  const twice = { kind: 'email', to: 'a@example.com' } as const;
  const smtp = { host: 'mail.example.com', port: 25, from: 'a@example.com' };
  expect(problemOf({ receivers: { warning: [twice], critical: [twice, twice] }, smtp }, base)).toEqual([
    'alerts.receivers.critical.1: must name each receiver once, got that of critical.0 again; remove it',
  ]);
});

test('what AWS can tell, its construct decides', () => {
  const receivers: Alerts['receivers'] = { critical: [{ kind: 'webhook', url: 'http://127.0.0.1:1/' }] };
  expect(problemOf({ receivers, smtp: { host: 'mail.example.com', port: 25, from: 'a@example.com' } }, production)).toEqual([]);
});

test('fails if nobody tells the receivers, the password of mail lies in AWS, or a service has the name of the probe', () => {
  const receivers: Alerts['receivers'] = { warning: [{ kind: 'webhook', url: 'http://127.0.0.1:1/' }] };
  expect(problemOf({ receivers }, { ...local, services: withoutAlertmanager })).toEqual([
    'alerts.receivers: nobody tells them: declare a service of kind alertmanager, or remove the receivers',
  ]);
  const smtp = { host: 'mail.example.com', port: 25, from: 'a@example.com', password: inAws };
  expect(problemOf({ smtp })).toEqual(['alerts.smtp.password: a secret of AWS is not read here; take one from env or file']);
  expect(problemOf({}, { ...local, services: { ...local.services, probe: { kind: 'redis', role: 'cache' } } })).toEqual([
    'services.probe: must have another name: probe is the job of the probe in Prometheus',
  ]);
});

test('all problems are told at once, with the name of the environment', () => {
  const overrides = { nothing: { disabled: true, reason }, 'kafka-group-lag': { threshold: -1, reason } } as const;
  expect(() => requireSoundAlerts(environmentWith({ overrides, receivers: { warning: [{ kind: 'slack' }] } }), rows)).toThrow(
    /^the alerts of environment local have 3 problems:\n {2}- alerts\.overrides\.nothing: .*\n {2}- .*\n {2}- alerts\.receivers\.warning\.0: /,
  );
  expect(() => requireSoundAlerts(environmentWith({}))).not.toThrow();
});
