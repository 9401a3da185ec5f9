import type { Redis } from 'ioredis';
import { streamKey } from '../../../runtime/src/contracts/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { bindingEnv, builtCli, type CliProcess, runCli, startCli } from '../support/cli.ts';
import { plainClient, topologyOf } from './redis-streams-fixture.ts';

const stream = streamKey('t', 0);
const topology = topologyOf({ t: { windowHours: 24, consumers: [{ group: 'inventory' }] } });

let redis: TestRedis;
let client: Redis;
let folder: TestFolder;
let env: Record<string, string>;

beforeAll(async () => {
  [redis, folder] = await Promise.all([startTestRedis(), testFolder('janitor'), builtCli()]);
  client = await plainClient(redis);
  env = bindingEnv(folder.path, { redis, topology });
}, 120_000);
afterAll(async () => {
  client?.disconnect();
  await Promise.all([redis?.stop(), folder?.remove()]);
});
beforeEach(async () => {
  await client.flushall();
});

const running: CliProcess[] = [];
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

async function start(...[args, programEnv]: Parameters<typeof startCli>): Promise<CliProcess> {
  const child = await startCli(args, programEnv);
  running.push(child);
  return child;
}

/** Old entries of which the group has acknowledged all but the last. */
async function oldEntries(count: number): Promise<string> {
  const add = `for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', 'n', 'x') end`;
  await client.eval(add, 1, stream, count);
  await client.xgroup('CREATE', stream, 'inventory', `${count - 1}-0`);
  await client.xreadgroup('GROUP', 'inventory', 'c', 'STREAMS', stream, '>');
  return `${count}-0`;
}

describe('millrace janitor --once', () => {
  test('removes what is over its window and ends with 0', async () => {
    await client.xack(stream, 'inventory', await oldEntries(10));
    const end = await runCli(['janitor', '--once'], env);
    expect(end).toMatchObject({
      ...{ code: 0, stdout: 'retention of the streams of events: removed 10 entries of 1 streams, kept more than the window in 0\n' },
    });
  });

  test('ends with 2 when it had to keep something, and says what and why', async () => {
    const open = await oldEntries(10);
    const end = await runCli(['janitor', '--once', '--json'], env);
    expect(end.code).toBe(2);
    expect(JSON.parse(end.stdout)).toMatchObject({
      tasks: [
        {
          task: 'retention of the streams of events',
          details: { streams: 1, removed: 9, deadLetters: 0 },
          held: [{ name: stream, sentence: expect.stringContaining(`group inventory has not acknowledged ${open}`) }],
          gauges: [{ signal: 'redis.stream.retention_held', labels: { service: 'events', topic: 't', shard: '0' } }],
        },
      ],
    });
    expect(JSON.parse(end.stderr.split('\n', 1)[0]!)).toMatchObject({ level: 40, object: stream });
    expect(await client.xlen(stream)).toBe(1);
  });

  test('ends with 1 when a system cannot be reached, and the others are done', async () => {
    await client.xack(stream, 'inventory', await oldEntries(10));
    const port = await freePorts(1);
    const away = await testFolder('janitor-away');
    const database = `postgres://postgres:secret@127.0.0.1:${port}/postgres`;
    const end = await runCli(['janitor', '--once'], bindingEnv(away.path, { redis, database, topology }));
    await away.remove();
    expect(end.code).toBe(1);
    expect(end.stdout).toMatch(/^retention of the streams of events: removed 10 .*\nretention of the log of database: failed: .*\n$/);
    expect(end.stderr + end.stdout).not.toContain('secret');
  });

  test('has nothing to do where no such service is bound', async () => {
    const bare = await testFolder('janitor-bare');
    const end = await runCli(['janitor', '--once'], bindingEnv(bare.path, { topology }));
    await bare.remove();
    expect(end).toMatchObject({ code: 0, stdout: 'nothing to do: no streams and no database are bound\n' });
  });

  test('--json alone is refused', async () => {
    expect(await runCli(['janitor', '--json'], env)).toMatchObject({ code: 1, stderr: expect.stringMatching(/--json belongs to --once/) });
  });

  test('killed in the middle it has cut nothing that was needed, and the next one goes on', async () => {
    const count = 600_000;
    const open = await oldEntries(count);
    const killed = await start(['janitor', '--once'], env);
    // Without a pause: the whole takes some hundred milliseconds.
    while ((await client.xlen(stream)) === count) expect(killed.pid).toBeDefined();
    killed.kill('SIGKILL');
    await killed.ended;
    const left = await client.xlen(stream);
    expect(left).toBeGreaterThan(1);
    expect(await runCli(['janitor', '--once'], env)).toMatchObject({ code: 2 });
    expect((await client.xrange(stream, '-', '+')).map(([id]) => id)).toEqual([open]);
  });
});

describe('millrace janitor', () => {
  test('runs until SIGTERM, several side by side, and tells of what it keeps', async () => {
    await oldEntries(10);
    const port = await freePorts(2);
    const janitors = await Promise.all([port, port + 1].map((each) => start(['janitor', '--http-port', String(each)], env)));
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const metric = `millrace_redis_stream_retention_held_seconds{service="events",topic="t",shard="0"}`;
    await eventually(async () => (await get('/metrics')).includes(metric), { what: 'the signal is raised', timeoutMs: 20_000 });
    await eventually(async () => JSON.parse(await get('/ready')).status === 'warn', { what: 'its health shows it' });
    expect(JSON.parse(await get('/live'))).toMatchObject({ status: 'pass' });
    for (const janitor of janitors) janitor.kill('SIGTERM');
    for (const { ended } of janitors) expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect((await janitors[0]!.ended).stdout).toMatch(/"level":40.*has not acknowledged 10-0/);
    expect(await client.xlen(stream)).toBe(1);
  });

  test('begins before its systems are there', async () => {
    const port = await freePorts(2);
    const early = await testFolder('janitor-early');
    const janitor = await start(
      ['janitor', '--http-port', String(port)],
      bindingEnv(early.path, { redis: { ...redis, port: port + 1 }, topology }),
    );
    await eventually(async () => (await (await fetch(`http://127.0.0.1:${port}/ready`)).text()).includes('failed: could not connect'), {
      ...{ what: 'the failure is shown', timeoutMs: 20_000 },
    });
    janitor.kill('SIGTERM');
    expect(await janitor.ended).toMatchObject({ code: 0 });
    await early.remove();
  });
});
