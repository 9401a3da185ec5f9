import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { isAlive, signalProcess } from '../../servers/local-process/identity.ts';
import { down, type Progress, status, up } from '../../servers/supervisor/index.ts';
import { createAuthority } from '../../servers/tls/authority.ts';
import { eventually } from '../support/eventually.ts';
import { guardServers, startTrial, type Trial } from './trial.ts';

const names = ['cache', 'database', 'events-1', 'events-2', 'events-3', 'events-sentinel-1', 'events-sentinel-2', 'events-sentinel-3'];

/** Tests share the cores, so only a multiple of what is promised is a failure. */
const patience = 3;

/** A client that neither waits nor comes back. */
const onceOnly = { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null };

let trial: Trial;
let release: () => void;
let progress: Progress[];
let firstUpMs: number;

const upAgain = () => up(trial.environment, { stateDir: trial.stateDir });
const binding = () => bindingSchema.parse(JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8')));
const secret = (id: string) => readFileSync(join(trial.stateDir, 'secrets', id), 'utf8');
const tls = () => ({ ca: readFileSync(join(trial.stateDir, binding().services.cache!.tls!.caRef!.id)) });
const portOf = (service: string, purpose: string) => binding().services[service]!.endpoints.find((end) => end.purpose === purpose)!.port;

beforeAll(async () => {
  trial = await startTrial();
  progress = [];
  const result = await up(trial.environment, { stateDir: trial.stateDir, onProgress: (step) => progress.push(step) });
  firstUpMs = result.elapsedMs;
  release = guardServers(trial.processes());
});
afterAll(async () => {
  release();
  await trial.remove();
});

test('up starts every declared server within 12 seconds and says so, a line for each', () => {
  expect(trial.alive().sort()).toEqual(names);
  expect(firstUpMs).toBeLessThan(12_000 * patience);
  const ready = progress.flatMap((step) => (step.event === 'server' && step.state === 'ready' ? [step.server] : []));
  expect(ready.sort()).toEqual(names);
});

test('ports are given out from the base upwards in the order of declaration', () => {
  const { engine } = trial.environment;
  const base = engine.kind === 'process' ? engine.ports.base : 0;
  expect(portOf('cache', 'primary')).toBe(base);
  expect(portOf('events', 'node')).toBe(base + 1);
  expect(portOf('database', 'primary')).toBe(base + 7);
});

test('the binding leads to servers that accept the passwords it refers to, and only those', async () => {
  const cache = new Redis({ port: portOf('cache', 'primary'), password: secret('cache'), tls: tls() });
  expect(await cache.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'allkeys-lru']);
  cache.disconnect();
  const stranger = new Redis({ port: portOf('cache', 'primary'), tls: tls(), ...onceOnly });
  stranger.on('error', () => undefined);
  await expect(stranger.ping()).rejects.toThrow('NOAUTH');
  stranger.disconnect();
  const events = new Redis({
    name: 'events',
    sentinels: [{ host: '127.0.0.1', port: portOf('events', 'sentinel') }],
    ...{ tls: tls(), sentinelTLS: tls(), enableTLSForSentinelMode: true },
    ...{ password: secret('events'), sentinelPassword: secret('events-sentinel') },
  });
  expect(await events.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  expect(await events.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  events.disconnect();
  const database = new Client({
    host: '127.0.0.1',
    port: portOf('database', 'primary'),
    ssl: tls(),
    user: 'postgres',
    password: secret('database'),
    database: 'app',
  });
  await database.connect();
  expect((await database.query('show password_encryption')).rows).toEqual([{ password_encryption: 'scram-sha-256' }]);
  await database.end();
});

test('no secret stands in any file but its own, which nobody else may read', () => {
  const secrets = readdirSync(join(trial.stateDir, 'secrets'));
  expect(secrets.sort()).toEqual(['cache', 'database', 'events', 'events-sentinel']);
  expect(new Set(secrets.map(secret)).size).toBe(secrets.length);
  for (const id of secrets) expect(statSync(join(trial.stateDir, 'secrets', id)).mode & 0o777).toBe(0o600);
  const readable = ['binding.json', 'topology.json', 'state.json'].map((file) => readFileSync(join(trial.stateDir, file), 'utf8')).join();
  for (const id of secrets) expect(readable).not.toContain(secret(id));
});

test('a second up changes nothing', async () => {
  const before = { processes: trial.processes(), binding: statSync(join(trial.stateDir, 'binding.json')).mtimeMs };
  const { servers } = await upAgain();
  expect(servers.filter(({ started }) => started)).toEqual([]);
  expect({ processes: trial.processes(), binding: statSync(join(trial.stateDir, 'binding.json')).mtimeMs }).toEqual(before);
});

test('a second up starts what has died, and only that', async () => {
  const before = trial.processes();
  const victims = ['cache', 'events-sentinel-2', 'database'];
  for (const id of victims) signalProcess(before[id]!, 'SIGKILL');
  await eventually(() => victims.every((id) => !isAlive(before[id]!)), { what: 'the victims have ended' });
  const found = await status(trial.environment, { stateDir: trial.stateDir });
  expect(found.servers.filter(({ state }) => state === 'down').map(({ id }) => id)).toEqual(['cache', 'events-sentinel-2', 'database']);
  const { servers } = await upAgain();
  release();
  release = guardServers(trial.processes());
  expect(servers.flatMap(({ id, started }) => (started ? [id] : [])).sort()).toEqual([...victims].sort());
  for (const id of names.filter((name) => !victims.includes(name))) expect(trial.processes()[id]).toEqual(before[id]);
});

test('a master that died while another was elected comes back as a replica', async () => {
  const sentinel = new Redis({ port: portOf('events', 'sentinel'), password: secret('events-sentinel'), tls: tls() });
  const masterPort = async () => Number(((await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'events')) as string[])[1]);
  const old = await masterPort();
  const base = portOf('events', 'node');
  const id = `events-${old - base + 1}`;
  signalProcess(trial.processes()[id]!, 'SIGKILL');
  await eventually(async () => (await masterPort()) !== old, { what: 'another master is elected', timeoutMs: 20_000 });
  await upAgain();
  release();
  release = guardServers(trial.processes());
  const returned = new Redis({ port: old, password: secret('events'), tls: tls() });
  // Where the machine is so busy that they elect once more, it may be the old one again.
  expect((await returned.role())[0]).toBe((await masterPort()) === old ? 'master' : 'slave');
  sentinel.disconnect();
  returned.disconnect();
});

test('no server answers in plain text, and one whose certificate a stranger signed is refused', async () => {
  const plain = new Redis({ port: portOf('cache', 'primary'), password: secret('cache'), ...onceOnly });
  plain.on('error', () => undefined);
  await expect(plain.ping()).rejects.toThrow('Connection is closed');
  plain.disconnect();
  const { cert } = await createAuthority();
  const strict = new Redis({ port: portOf('cache', 'primary'), password: secret('cache'), tls: { ca: cert }, ...onceOnly });
  const refusal = new Promise((resolve) => strict.once('error', resolve));
  await expect(strict.connect()).rejects.toThrow();
  expect(await refusal).toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  strict.disconnect();
  const { port, user, database } = { port: portOf('database', 'primary'), user: 'postgres', database: 'app' };
  const naked = new Client({ host: '127.0.0.1', port, user, database, password: secret('database') });
  await expect(naked.connect()).rejects.toThrow('no encryption');
});

test('status tells memory and condition of each server', async () => {
  const nodes = /^events-\d$/;
  // The test before has had a master elected; on a busy machine sentinels may vote twice, and one of two masters steps down a moment later.
  const found = await eventually(
    async () => {
      const { servers } = await status(trial.environment, { stateDir: trial.stateDir });
      const conditions = servers.flatMap(({ id, condition }) => (nodes.test(id) ? [condition] : []));
      return conditions.sort().join() === 'master,replica,replica' && servers;
    },
    { what: 'there is one master with two replicas', timeoutMs: 30_000 },
  );
  for (const { memoryMiB } of found) expect(memoryMiB).toBeGreaterThan(1);
});

test('a server that is stopped, not ended, is silent to status', async () => {
  const cache = trial.processes().cache!;
  signalProcess(cache, 'SIGSTOP');
  const { ok, servers } = await status(trial.environment, { stateDir: trial.stateDir });
  signalProcess(cache, 'SIGCONT');
  expect(ok).toBe(false);
  expect(servers.find(({ id }) => id === 'cache')?.state).toBe('silent');
});

test('down stops every server within 5 seconds and keeps data, ports and passwords for the next up', async () => {
  const [before, generation, password] = [trial.processes(), binding().generation, secret('database')];
  const { stopped, elapsedMs } = await down(trial.environment, { stateDir: trial.stateDir });
  release();
  expect([...stopped].sort()).toEqual(names);
  expect(elapsedMs).toBeLessThan(5_000 * patience);
  for (const process of Object.values(before)) expect(isAlive(process)).toBe(false);
  const again = await upAgain();
  release = guardServers(trial.processes());
  expect([again.generation, secret('database')]).toEqual([generation, password]);
});

test('down --wipe leaves nothing on disk', async () => {
  await down(trial.environment, { stateDir: trial.stateDir, wipe: true });
  release();
  expect(readdirSync(trial.folder.path)).toEqual([]);
});
