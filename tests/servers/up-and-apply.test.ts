import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { connectRedis, type RedisConnection } from '../../runtime/src/connections/redis/index.ts';
import { type Progress, up } from '../../servers/supervisor/index.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { environmentProgram, guardServers, startTrial, type Trial } from './trial.ts';

let trial: Trial;
let release = () => {};

const stream = 'stream:{orders:0}';
const topology = {
  topics: { orders: { transports: [{ kind: 'redis-streams' as const, service: 'events' }], consumers: [{ group: 'emails' }] } },
};

beforeAll(async () => {
  [trial] = await Promise.all([startTrial({ events: { kind: 'redis', role: 'events' } }, topology), builtCli()]);
}, 180_000);
afterAll(async () => {
  release();
  await trial?.remove();
});

const start = (options: Parameters<typeof up>[1] = {}) => up(trial.environment, { stateDir: trial.stateDir, ...options });

async function onRedis<T>(work: (events: RedisConnection) => Promise<T>): Promise<T> {
  const binding = await loadBinding({ file: join(trial.stateDir, 'binding.json') });
  await using events = await connectRedis(binding.service('events', 'redis'));
  return await work(events);
}

const groups = () =>
  onRedis(async ({ client }) => ((await client.exists(stream)) === 0 ? [] : ((await client.xinfo('GROUPS', stream)) as unknown[])));

/** A program in place of `millrace` that answers as it is told. */
function answering(exitCode: number, document: object | undefined, line: string): string {
  const program = join(trial.folder.path, `answers-${exitCode}.cjs`);
  const print = document === undefined ? '' : `process.stdout.write(${JSON.stringify(`${JSON.stringify(document)}\n`)});`;
  writeFileSync(program, `process.stderr.write(${JSON.stringify(`${line}\n`)});${print}process.exitCode = ${exitCode};`);
  return program;
}

test('without the compiled program nothing is started, and one sentence says what to do', async () => {
  await expect(start({ program: join(trial.folder.path, 'missing.js') })).rejects.toMatchObject({
    code: 'RUNTIME_NOT_BUILT',
    message: expect.stringMatching(/missing\.js, which applies the topology, is not there; run make build, or up with --no-apply$/),
  });
  expect(existsSync(trial.stateDir)).toBe(false);
});

test('with --no-apply the servers run without the topology', async () => {
  const { applied, servers } = await start({ apply: false, program: join(trial.folder.path, 'missing.js') });
  release = guardServers(trial.processes());
  expect({ applied, started: servers.map(({ started }) => started) }).toEqual({ applied: undefined, started: [true] });
  expect(await groups()).toEqual([]);
});

test('up applies the topology and tells what it does; a second one finds nothing to do', async () => {
  const told: Progress[] = [];
  const { applied } = await start({ onProgress: (progress) => told.push(progress) });
  expect(applied).toMatchObject({ status: 'applied', exitCode: 0, services: [{ service: 'events', status: 'applied' }] });
  const lines = told.flatMap((progress) => (progress.event === 'apply' ? [progress.line] : []));
  expect(lines).toContain(`  + create   events/group/${stream}/emails`);
  expect(await groups()).toHaveLength(1);
  expect((await start()).applied).toMatchObject({ status: 'as-declared', exitCode: 0 });
});

test('the command line prints it, and the exit code is that of the topology', async () => {
  const { code, stdout } = await environmentProgram(trial, 'up').ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^trial: events as declared \(.* s\)$/m);
});

test('a topology that could not be applied leaves the servers running; exit code 1, and the command that goes on', async () => {
  await onRedis(async ({ client }) => {
    await client.del(stream);
    await client.acl('SETUSER', 'default', '-xgroup');
  });
  const { code, stdout } = await environmentProgram(trial, 'up').ended;
  await onRedis(({ client }) => client.acl('SETUSER', 'default', '+xgroup'));
  expect({ code, stdout }).toMatchObject({ code: 1 });
  expect(stdout).toMatch(/events\/group\/stream:\{orders:0\}\/emails failed: ACCESS_DENIED: /);
  expect(stdout).toMatch(
    /^the servers run; the topology is not in place on events, see above; to go on with it: node \S*main\.js apply --binding \S+$/m,
  );
  expect(trial.alive()).toEqual(['events']);
});

test('what waits for a person is exit code 2, and a program that ends without its document has failed', async () => {
  const waits = { status: 'refused', services: [{ service: 'events', status: 'refused' }], elapsedMs: 1 };
  expect((await start({ program: answering(2, waits, 'waits') })).applied).toMatchObject({ ...waits, exitCode: 2 });
  expect((await start({ program: answering(1, undefined, 'broken') })).applied).toMatchObject({
    status: 'failed',
    services: [],
    exitCode: 1,
  });
  expect(trial.alive()).toEqual(['events']);
});

test('an interruption ends the program, and the servers that ran before go on', async () => {
  const controller = new AbortController();
  const program = join(trial.folder.path, 'hangs.cjs');
  writeFileSync(program, "process.stderr.write('begins\\n'); setInterval(() => undefined, 1000);");
  const onProgress = ({ event }: Progress) => {
    if (event === 'apply') controller.abort(new Error('enough'));
  };
  await expect(start({ program, signal: controller.signal, onProgress })).rejects.toThrow('enough');
  expect(trial.alive()).toEqual(['events']);
});
