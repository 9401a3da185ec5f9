import { exec } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Sample } from '../../../runtime/src/contracts/signals.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { bindingEnv, builtCli, type CliProcess, runCli, startCli } from '../support/cli.ts';
import { plainClient, topologyOf } from './redis-streams-fixture.ts';

const topology = topologyOf({ t: { consumers: [{ group: 'inventory' }] }, chat: { isolation: 'tenant' } });

let redis: TestRedis;
let postgres: TestPostgres;
let client: Redis;
let folder: TestFolder;
let env: Record<string, string>;

beforeAll(async () => {
  [redis, postgres, folder] = await Promise.all([startTestRedis(), startTestPostgres(), testFolder('probe'), builtCli()]);
  client = await plainClient(redis);
  env = bindingEnv(folder.path, { redis, database: postgres.url, topology });
  await client.xadd('stream:{t:0}', '*', 'n', '1');
  await client.sadd('tenants:{chat}', 'acme');
  await client.xadd('tenant:{acme}:stream:chat', '*', 'n', '1');
}, 120_000);
afterAll(async () => {
  client?.disconnect();
  await Promise.all([redis?.stop(), postgres?.stop(), folder?.remove()]);
});

const running: CliProcess[] = [];
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

async function start(args: readonly string[], programEnv = env): Promise<CliProcess> {
  const child = await startCli(['probe', ...args], programEnv);
  running.push(child);
  return child;
}

describe('millrace probe --once', () => {
  test('prints an aligned table, without the name of a tenant, and ends with 0', async () => {
    const { code, stdout, stderr } = await runCli(['probe', '--once'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^SERVICE +SIGNAL +OF +VALUE$/);
    expect(stdout).toMatch(/^events +redis\.stream\.lag +topic=t shard=0 group=inventory +1 entry$/m);
    expect(stdout).toMatch(/^events +redis\.stream\.length +topic=chat shard=tenants +1 entry$/m);
    expect(stdout).toMatch(/^database +postgres\.transaction\.oldest_age +\S+ s$/m);
    const column = lines[0]!.indexOf('VALUE');
    expect(lines.every((line) => line[column - 1] === ' ' && line[column] !== ' ')).toBe(true);
    expect(stdout).not.toContain('acme');
  });

  test('--json prints one document, of the services that were named', async () => {
    const { code, stdout } = await runCli(['probe', '--once', '--json', '--only', 'events'], env);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as { samples: Sample[]; failures: unknown[] };
    expect(document.failures).toEqual([]);
    expect(document.samples).toContainEqual({ signal: 'probe.up', labels: { service: 'events' }, value: 1 });
    expect(document.samples.every(({ labels }) => labels.service === 'events')).toBe(true);
  });

  test('--emf prints lines for CloudWatch', async () => {
    const { code, stdout } = await runCli(['probe', '--once', '--emf'], env);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ Environment: 'wrapped', Service: 'database', 'probe.up': 1 }));
  });

  test('ends with 1 when a service cannot be looked at, says why without its secret, and tells of the others', async () => {
    const port = await freePorts(1);
    const away = await testFolder('probe-away');
    const database = `postgres://postgres:not-to-be-told@127.0.0.1:${port}/postgres`;
    const { code, stdout, stderr } = await runCli(['probe', '--once'], bindingEnv(away.path, { redis, database, topology }));
    await away.remove();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^millrace: database cannot be looked at: CONNECTION_FAILED: .*\n$/);
    expect(stdout).toMatch(/^database +probe\.up +0$/m);
    expect(stdout).toMatch(/^events +probe\.up +1$/m);
    expect(stdout + stderr).not.toContain('not-to-be-told');
  });
});

test.each([
  [['--json', '--http-port', '9'], /--json belongs to --once/],
  [['--once', '--json', '--emf'], /exclude each other/],
  [[], /nobody would learn of the samples/],
  [['--once', '--only', 'evnts'], /no service "evnts"/],
])('%j is refused', async (args, message) => {
  expect(await runCli(['probe', ...args], env)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
});

describe('millrace probe', () => {
  test('serves the metrics of all services, goes on while a Redis hangs, and ends with SIGTERM', async () => {
    const port = await freePorts(1);
    const probe = await start(['--http-port', String(port), '--interval-seconds', '1']);
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const metric = async (text: string) => (await get('/metrics')).includes(text);
    await eventually(() => metric('millrace_redis_stream_lag{service="events",topic="t",shard="0",group="inventory"} 1'), {
      ...{ what: 'the lag is told', timeoutMs: 20_000 },
    });
    expect(await get('/metrics')).toMatch(/^# TYPE millrace_redis_stream_entries_added_total counter$/m);
    expect(await get('/metrics')).not.toContain('acme');
    const metrics = join(folder.path, 'metrics');
    await writeFile(metrics, await get('/metrics'));
    expect(await shell(`promtool check metrics < ${metrics}`)).toEqual({ ok: true, output: '' });
    expect(JSON.parse(await get('/ready'))).toMatchObject({ status: 'pass' });
    expect(JSON.parse(await get('/live'))).toMatchObject({ status: 'pass' });
    redis.pause();
    try {
      await eventually(() => metric('millrace_probe_up{service="events"} 0'), { what: 'the hung Redis is told', timeoutMs: 20_000 });
      const body = await get('/metrics');
      expect(body).toContain('millrace_probe_up{service="database"} 1');
      expect(body).toContain('millrace_postgres_connections_used_ratio{service="database"}');
      expect(body).not.toContain('millrace_redis_stream_lag');
      await eventually(async () => JSON.parse(await get('/ready')).status === 'warn', { what: 'its health shows it' });
    } finally {
      redis.resume();
    }
    await eventually(() => metric('millrace_probe_up{service="events"} 1'), { what: 'it is looked at again', timeoutMs: 20_000 });
    probe.kill('SIGTERM');
    const { code, stdout, stderr } = await probe.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = stdout.split('\n').filter((line) => line.includes('"service":"events"') && line.includes('cannot be looked at'));
    // Each reason once: it does not answer, and then the connection is given up.
    expect([1, 2]).toContain(told.length);
    expect(stdout).toContain('the service can be looked at again');
  });

  test.each(['at once', 'after a look has begun'])('ends soon when nothing answers it and SIGTERM comes %s', async (when) => {
    const [port, silent] = [await freePorts(1), await startSilentServer()];
    const hung = await testFolder('probe-silent');
    const at = { redis: { ...redis, port: silent.port }, database: `postgres://p:p@127.0.0.1:${silent.port}/p`, topology };
    const probe = await start(['--http-port', String(port)], bindingEnv(hung.path, at));
    await eventually(async () => (when === 'at once' ? (await fetch(`http://127.0.0.1:${port}/live`)).ok : silent.connections() === 2), {
      what: 'it runs',
      timeoutMs: 20_000,
    });
    const before = performance.now();
    probe.kill('SIGTERM');
    expect(await probe.ended).toMatchObject({ code: 0, stderr: '' });
    expect(performance.now() - before).toBeLessThan(6_000);
    await Promise.all([silent.close(), hung.remove()]);
  });

  test('stays alive where nothing is bound that it looks at', async () => {
    const port = await freePorts(1);
    const empty = await testFolder('probe-empty');
    const probe = await start(['--http-port', String(port)], bindingEnv(empty.path, { topology }));
    const answer = await eventually(() => fetch(`http://127.0.0.1:${port}/live`), { what: 'it serves', timeoutMs: 20_000 });
    expect(await answer.json()).toMatchObject({ status: 'pass' });
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain('millrace_health');
    probe.kill('SIGTERM');
    await Promise.all([probe.ended, empty.remove()]);
  });

  test('begins before its services are there', async () => {
    const ports = await freePorts(2);
    const early = await testFolder('probe-early');
    const probe = await start(
      ['--http-port', String(ports), '--interval-seconds', '1'],
      bindingEnv(early.path, { redis: { ...redis, port: ports + 1 }, topology }),
    );
    await eventually(
      async () => (await (await fetch(`http://127.0.0.1:${ports}/metrics`)).text()).includes('millrace_probe_up{service="events"} 0'),
      {
        ...{ what: 'it is told', timeoutMs: 20_000 },
      },
    );
    probe.kill('SIGTERM');
    expect(await probe.ended).toMatchObject({ code: 0 });
    await early.remove();
  });
});

/** Takes connections and says nothing. */
async function startSilentServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function shell(command: string): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => exec(command, (error, stdout, stderr) => resolve({ ok: error === null, output: stdout + stderr })));
}
