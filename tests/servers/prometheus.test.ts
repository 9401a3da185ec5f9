import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { askHttp, askSuccess, type HttpAddress } from '../../servers/local-process/ask-http.ts';
import { isAlive } from '../../servers/local-process/identity.ts';
import { down, status } from '../../servers/supervisor/index.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { cpuSeconds, descendantsOf, running } from './process-family.ts';
import { startTrial, type Trial } from './trial.ts';

const monitoring = {
  metrics: { kind: 'prometheus', role: 'metrics', overrides: { scrapeIntervalSeconds: 1 } },
  alerts: { kind: 'alertmanager', role: 'alerts' },
} as const;
const everything = { ...monitoring, tasks: { kind: 'rabbitmq', role: 'tasks' } } as const;

let trial: Trial;

const soon = () => AbortSignal.timeout(5_000);
const dataOf = (service: string) => join(trial.stateDir, 'data', service);
const secretFile = (id: string) => join(trial.stateDir, 'secrets', id);
const password = (id: string) => readFileSync(secretFile(id), 'utf8');
const binding = () => bindingSchema.parse(JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8')));
const caFile = () => join(trial.stateDir, binding().services.metrics!.tls!.caRef!.id);
const endpointOf = (service: string, purpose: string) => binding().services[service]!.endpoints.find((end) => end.purpose === purpose)!;
const addressOf = (service: string): HttpAddress => ({
  ...endpointOf(service, 'primary'),
  ...{ user: 'admin', password: password(service), caFile: caFile() },
});
const ask = async (service: string, path: string) => JSON.parse(await askSuccess(addressOf(service), { path, signal: soon() })) as unknown;
const conditions = async () => {
  const { servers } = await status(environment(), { stateDir: trial.stateDir });
  return Object.fromEntries(servers.map(({ id, condition }) => [id, condition]));
};

let services: NonNullable<EnvironmentInput['services']> = monitoring;
const environment = () => parseEnvironment({ ...trial.environment, services });

beforeAll(async () => {
  [trial] = await Promise.all([startTrial(services), builtCli()]);
  await trial.start(environment());
}, 180_000);
afterAll(async () => {
  await trial.remove();
}, 60_000);

test('both ask for their password over TLS, and a wrong one is refused', async () => {
  for (const service of ['metrics', 'alerts']) {
    expect((await askHttp(addressOf(service), { path: '/-/ready', signal: soon() })).status).toBe(200);
    expect((await askHttp({ ...addressOf(service), password: 'wrong' }, { path: '/-/ready', signal: soon() })).status).toBe(401);
    const plain = { ...addressOf(service), caFile: undefined };
    expect((await askHttp(plain, { path: '/-/ready', signal: soon() })).status).toBe(400);
  }
});

test('checking the right password again costs nearly nothing', async () => {
  const { pid } = trial.processes().metrics!;
  const before = cpuSeconds(pid);
  for (let request = 0; request < 100; request++) await askSuccess(addressOf('metrics'), { path: '/-/ready', signal: soon() });
  // At 60 ms for each check it would be 6 s.
  expect(cpuSeconds(pid) - before).toBeLessThan(3);
});

test('promtool and amtool find nothing wrong with what was written', async () => {
  const run = promisify(execFile);
  await run('promtool', ['check', 'config', join(dataOf('metrics'), 'prometheus.yml')]);
  for (const service of ['metrics', 'alerts']) await run('promtool', ['check', 'web-config', join(dataOf(service), 'web.yml')]);
  await run('amtool', ['check-config', join(dataOf('alerts'), 'alertmanager.yml')]);
  await expect(run('promtool', ['check', 'config', join(dataOf('alerts'), 'alertmanager.yml')])).rejects.toThrow('Command failed');
});

test('Prometheus scrapes itself, Alertmanager and the probe, knows where to send alerts, and the condition says so', async () => {
  await eventually(async () => (await conditions()).metrics === '3 of 3 targets up', { what: 'all targets are up', timeoutMs: 20_000 });
  expect((await conditions()).alerts).toBe('no alerts');
  await eventually(
    async () => {
      const { data } = (await ask('metrics', '/api/v1/alertmanagers')) as { data: { activeAlertmanagers: { url: string }[] } };
      return data.activeAlertmanagers[0]?.url === `https://127.0.0.1:${endpointOf('alerts', 'primary').port}/api/v2/alerts`;
    },
    { what: 'Prometheus knows Alertmanager', timeoutMs: 20_000 },
  );
});

test('an alert of a rule that is put into its folder reaches Alertmanager', async () => {
  // For 5 s after it has read its configuration Prometheus knows no Alertmanager; what fires then is told a minute later.
  const rules = { groups: [{ name: 'trial', rules: [{ alert: 'Always', expr: 'vector(1)', for: '8s' }] }] };
  const file = join(dataOf('metrics'), 'rules', 'trial.yml');
  writeFileSync(file, JSON.stringify(rules));
  const reload = () => askSuccess(addressOf('metrics'), { path: '/-/reload', method: 'POST', signal: soon() });
  await reload();
  await eventually(async () => (await conditions()).alerts === '1 alert', { what: 'Alertmanager has it', timeoutMs: 50_000 });
  rmSync(file);
  await reload();
}, 90_000);

test('a broker that is declared later is scraped by the Prometheus that runs already', async () => {
  const before = trial.processes();
  services = everything;
  await trial.start(environment());
  expect(trial.processes().metrics).toEqual(before.metrics);
  const up = async () => {
    const { data } = (await ask('metrics', '/api/v1/query?query=up')) as {
      data: { result: { metric: { job: string }; value: [number, string] }[] };
    };
    return Object.fromEntries(data.result.map(({ metric, value }) => [metric.job, value[1]]));
  };
  // The probe was started again, to look at the broker too, and was away for a moment.
  const scraped = async () => {
    const targets = await up();
    return Object.values(targets).every((value) => value === '1') ? Object.keys(targets).sort() : undefined;
  };
  const all = await eventually(
    async () => {
      const jobs = await scraped();
      return jobs?.includes('tasks') && jobs;
    },
    { what: 'the broker is scraped', timeoutMs: 30_000 },
  );
  expect(all).toEqual(['alerts', 'metrics', 'probe', 'tasks']);
  await eventually(async () => (await conditions()).metrics === '4 of 4 targets up', { what: 'status says so', timeoutMs: 30_000 });
  expect((await conditions()).tasks).toBe('running, no alarms');
}, 120_000);

test('a second up changes nothing', async () => {
  const before = trial.processes();
  const { servers } = await trial.start(environment());
  expect(servers.filter(({ started }) => started)).toEqual([]);
  expect(trial.processes()).toEqual(before);
});

const broker = () => {
  const { port } = endpointOf('tasks', 'primary');
  const url = { protocol: 'amqps', hostname: '127.0.0.1', port, username: 'admin', password: password('tasks') };
  return connect(url, { ca: readFileSync(caFile()) });
};

test('down leaves no process behind, and the next up has the messages and takes the password of then', async () => {
  const connection = await broker();
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('kept', { durable: true });
  channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
  const before = trial.processes();
  expect(Object.keys(before).sort()).toEqual(['alerts', 'metrics', 'metrics-probe', 'tasks', 'tasks-epmd']);
  const helpers = descendantsOf(before.tasks!.pid);
  expect(helpers.length).toBeGreaterThan(1);
  const { stopped, elapsedMs } = await down(environment(), { stateDir: trial.stateDir });
  expect([...stopped].sort()).toEqual(Object.keys(before).sort());
  expect(elapsedMs).toBeLessThan(15_000);
  for (const process of Object.values(before)) expect(isAlive(process)).toBe(false);
  await eventually(() => running(helpers).length === 0, { what: 'the helpers of the broker have ended' });
  writeFileSync(secretFile('tasks'), 'a-new-password', { mode: 0o600 });
  await trial.start(environment());
  const again = await broker();
  const message = await (await again.createChannel()).get('kept', { noAck: true });
  await again.close();
  expect(message === false ? undefined : message.content.toString()).toBe('still here');
}, 120_000);
