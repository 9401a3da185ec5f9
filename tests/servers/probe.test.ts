import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { queriesOf } from '../../alerts/grafana/queries.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { askSuccess, type HttpAddress } from '../../servers/local-process/ask-http.ts';
import { isAlive, type ProcessIdentity } from '../../servers/local-process/identity.ts';
import { up } from '../../servers/supervisor/index.ts';
import { builtCli, type CliProcess, runCli, startCli } from '../runtime/support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { guardServers, startTrial, type Trial } from './trial.ts';

const services = {
  metrics: { kind: 'prometheus', role: 'metrics', overrides: { scrapeIntervalSeconds: 1 } },
  alerts: { kind: 'alertmanager', role: 'alerts' },
  events: { kind: 'redis-sentinel', role: 'events' },
  database: { kind: 'postgres', role: 'database' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
} as const satisfies EnvironmentInput['services'];
const topology = {
  topics: {
    orders: { transports: [{ kind: 'redis-streams', service: 'events' }], consumers: [{ group: 'emails' }], volume: { eventsPerDay: 100 } },
  },
  queues: { reports: { service: 'tasks', deadLetterQueue: 'reports.dead' }, 'reports.dead': { service: 'tasks' } },
} as const satisfies EnvironmentInput['topology'];

let trial: Trial;
let relay: CliProcess | undefined;
let release = () => {};
let alerts: NonNullable<EnvironmentInput['alerts']> = {};
let told: Server;
/** What the receiver of the trial was told, in order. */
const notifications: { alertname: string; severity: string; status: string }[] = [];

const environment = () => parseEnvironment({ ...trial.environment, alerts });
const start = async (options: Parameters<typeof up>[1] = {}) => {
  const result = await up(environment(), { stateDir: trial.stateDir, ...options });
  release();
  release = guardServers(trial.processes());
  return result;
};
const probe = () => trial.processes()['metrics-probe'] as ProcessIdentity;
const soon = () => AbortSignal.timeout(5_000);
const addressOf = (service: string): HttpAddress => {
  const { endpoints } = bindingSchema.parse(JSON.parse(readFileSync(bindingFile(), 'utf8'))).services[service]!;
  const { host, port } = endpoints[0]!;
  const password = readFileSync(join(trial.stateDir, 'secrets', service), 'utf8');
  return { host, port, user: 'admin', password, caFile: join(trial.stateDir, 'tls', 'ca.pem') };
};
const bindingFile = () => join(trial.stateDir, 'binding.json');
const ask = async <T>(path: string) => (JSON.parse(await askSuccess(addressOf('metrics'), { path, signal: soon() })) as { data: T }).data;
const query = async (expression: string) =>
  (
    await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      `/api/v1/query?query=${encodeURIComponent(expression)}`,
    )
  ).result;
interface LoadedRule {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: string;
  readonly query: string;
  readonly lastError?: string;
}
const loadedRules = async () => (await ask<{ groups: { rules: LoadedRule[] }[] }>('/api/v1/rules')).groups.flatMap(({ rules }) => rules);

beforeAll(async () => {
  told = createServer((request, response) => {
    void text(request).then((body) => {
      const document = JSON.parse(body) as { alerts: { status: string; labels: { alertname: string; severity: string } }[] };
      notifications.push(...document.alerts.map(({ status, labels: { alertname, severity } }) => ({ alertname, severity, status })));
      response.end();
    });
  });
  await new Promise<void>((resolve) => told.listen(0, '127.0.0.1', resolve));
  [trial] = await Promise.all([startTrial(services, topology), builtCli()]);
  await start();
  const env = { MILLRACE_BINDING: bindingFile() };
  expect(await runCli(['migrate'], env)).toMatchObject({ code: 0 });
  relay = await startCli(['relay', '--sink', 'events'], env);
}, 240_000);
afterAll(async () => {
  relay?.kill('SIGTERM');
  await relay?.ended;
  told.close();
  release();
  await trial?.remove();
}, 60_000);

test('the probe is listed among the servers, says how much it sees, and Prometheus scrapes it', async () => {
  const { servers, ok } = await trial.look();
  const found = servers.find(({ id }) => id === 'metrics-probe');
  expect({ ok, found }).toMatchObject({ ok: true, found: { service: 'metrics', kind: 'probe', state: 'up' } });
  await eventually(async () => (await trial.look()).servers.some(({ condition }) => condition === '3 of 3 services looked at'), {
    what: 'the probe has looked at all services',
    timeoutMs: 30_000,
  });
  await eventually(async () => (await query('up{job="probe"}'))[0]?.value[1] === '1', { what: 'the probe is scraped', timeoutMs: 30_000 });
}, 90_000);

test('every look tells its signals, those of the outbox once a relay has a sink', async () => {
  const wanted = [
    'millrace_redis_memory_used_ratio',
    'millrace_redis_stream_backlog',
    'millrace_postgres_connections_used_ratio',
    'millrace_outbox_oldest_age_seconds',
    'millrace_rabbitmq_queue_depth',
  ];
  for (const name of wanted)
    await eventually(async () => (await query(name)).length > 0, { what: `there are values of ${name}`, timeoutMs: 40_000 });
}, 120_000);

test('every rule is loaded and evaluates', async () => {
  // What is recorded once a minute may have its first turn in a minute.
  const evaluated = async () => (await loadedRules()).filter(({ type, health }) => type === 'alerting' || health !== 'unknown');
  await eventually(async () => (await evaluated()).every(({ health }) => health !== 'unknown'), {
    what: 'every alert was evaluated',
    timeoutMs: 40_000,
  });
  const rules = await evaluated();
  expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  expect(rules.map(({ name }) => name)).toEqual(expect.arrayContaining(['streams-backlog', 'probe-silent', 'outbox-oldest-age']));
}, 120_000);

/** What servers that are well may bring about on a machine that is busy with tests, which no threshold can know. */
const pendingWhileBusy = ['probe-slow', 'rabbitmq-memory'];

test('servers that are well ring nothing, from their first second on', async () => {
  const looked = async () => Number((await query('min(changes(millrace_probe_duration_seconds[5m]))'))[0]?.value[1] ?? 0) >= 2;
  await eventually(looked, { what: 'every service was looked at three times', timeoutMs: 60_000 });
  const pending = async () => {
    const { alerts: begun } = await ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('/api/v1/alerts');
    return begun.map(({ labels }) => labels.alertname).filter((name) => !pendingWhileBusy.includes(name));
  };
  const nonePending = async () => {
    expect(await pending()).toEqual([]);
    return true;
  };
  await eventually(nonePending, { what: 'no alert is pending', timeoutMs: 30_000 });
  const rung = await query('count by (alertname, service) (count_over_time(ALERTS{alertstate="firing"}[10m]))');
  expect(rung.map(({ metric }) => metric)).toEqual([]);
}, 120_000);

/** Panels that may be empty on servers that are well and at rest, and why. */
const emptyAtRest: Readonly<Record<string, string>> = {
  'Firing alerts': 'nothing fires',
  'Redis does unusually much or little': 'it compares with what was usual, of which there is nothing in the first minutes',
  'Operations a second, and what was usual within a week': 'it is recorded once a minute',
  'A consumer group holds keys back behind events that it gave up': 'no topic of this trial blocks',
};

test('the dashboards lie in their folder, and each of their queries has data', async () => {
  const folder = join(trial.stateDir, 'dashboards');
  expect(readdirSync(folder).sort()).toEqual(['bus.json', 'overview.json', 'rabbitmq.json', 'redis.json']);
  const dashboards = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard);
  const queries = dashboards.flatMap(queriesOf);
  const empty = async () => {
    const results = await Promise.all(queries.map(async ({ panel, expression }) => ({ panel, found: (await query(expression)).length })));
    return results.flatMap(({ panel, found }) => (found > 0 || Object.hasOwn(emptyAtRest, panel) ? [] : [panel]));
  };
  const noneEmpty = async () => {
    expect(await empty()).toEqual([]);
    return true;
  };
  await eventually(noneEmpty, { what: 'no panel is empty', timeoutMs: 30_000 });
}, 60_000);

test('a second up leaves the probe alone; --only of another service too', async () => {
  const before = probe();
  const { servers } = await start();
  expect(servers.filter(({ started }) => started)).toEqual([]);
  await start({ only: ['events'], apply: false });
  expect(probe()).toEqual(before);
}, 60_000);

test('with an override and a receiver, rules and routes change without a restart, and the receiver is told', async () => {
  const before = trial.processes();
  const url = `http://127.0.0.1:${(told.address() as AddressInfo).port}/`;
  alerts = {
    overrides: { 'streams-backlog': { threshold: 42, reason: 'the trial has less room' } },
    receivers: { critical: [{ kind: 'webhook', url }], warning: [{ kind: 'webhook', url }] },
  };
  await start();
  expect(trial.processes()).toEqual(before);
  const backlog = async () => (await loadedRules()).find(({ name }) => name === 'streams-backlog');
  await eventually(async () => (await backlog())?.query.endsWith('> 42'), { what: 'Prometheus has the threshold', timeoutMs: 20_000 });
  const about = { alertname: 'redis-memory', service: 'events', node: 'a' };
  const raised = [
    { labels: { ...about, severity: 'warning' } },
    { labels: { ...about, severity: 'critical' } },
    { labels: { ...about, severity: 'warning', node: 'b' } },
    { labels: { ...about, alertname: 'redis-cpu', severity: 'info' } },
  ];
  await askSuccess(addressOf('alerts'), { path: '/api/v2/alerts', method: 'POST', body: raised, signal: soon() });
  const ofMemory = () => notifications.filter(({ alertname }) => alertname.startsWith('redis-'));
  await eventually(() => ofMemory().length >= 2, { what: 'the receiver is told', timeoutMs: 40_000 });
  // The warning of node a is inhibited by the critical alert, that of node b is not; info goes to nobody.
  expect(
    ofMemory()
      .map(({ severity }) => severity)
      .sort(),
  ).toEqual(['critical', 'warning']);
}, 90_000);

test('a wrong override, or a secret that is not there, starts and changes nothing', async () => {
  const before = trial.processes();
  const sound = alerts;
  alerts = { overrides: { 'streams-backlogg': { disabled: true, reason: 'a slip of the hand' } } };
  await expect(start()).rejects.toMatchObject({
    code: 'ENVIRONMENT_INVALID',
    message: expect.stringContaining('did you mean streams-backlog?'),
  });
  alerts = { receivers: { critical: [{ kind: 'slack', webhook: { from: 'env', id: 'NOT_THERE' } }] } };
  await expect(start()).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('NOT_THERE is not set') });
  alerts = sound;
  expect(trial.processes()).toEqual(before);
}, 60_000);

test('without the compiled program nothing is started', async () => {
  await expect(start({ only: ['metrics'], apply: false, program: join(trial.folder.path, 'missing.js') })).rejects.toMatchObject({
    code: 'RUNTIME_NOT_BUILT',
    message: expect.stringContaining('missing.js, which looks at the services, is not there; run make build'),
  });
});

test('a topology that has changed starts the probe again, a topology that is not to be applied too', async () => {
  const before = probe();
  const changed = parseEnvironment({
    ...environment(),
    topology: { ...topology, queues: { ...topology.queues, more: { service: 'tasks' } } },
  });
  await up(changed, { stateDir: trial.stateDir, apply: false });
  release();
  release = guardServers(trial.processes());
  expect(probe().pid).not.toBe(before.pid);
  expect(isAlive(before)).toBe(false);
}, 60_000);

test('down stops the probe with the others', async () => {
  const before = probe();
  const { stopped } = await trial.stop();
  expect(stopped).toContain('metrics-probe');
  expect(isAlive(before)).toBe(false);
  expect(existsSync(join(trial.stateDir, 'dashboards', 'overview.json'))).toBe(true);
}, 60_000);
