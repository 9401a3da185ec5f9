import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { engine } from '../../environments/engine.ts';
import { isMillraceError, type MillraceError } from '../../runtime/src/contracts/errors.ts';
import { isAlive, startTimeOf } from '../../servers/local-process/identity.ts';
import { processesWithin } from '../../servers/supervisor/holders.ts';
import { down, status, up } from '../../servers/supervisor/index.ts';
import { guardProcess } from '../support/guard.ts';
import { environmentProgram, oneRedis, startTrial, type Trial } from './trial.ts';

let trial: Trial;

beforeEach(async () => {
  trial = await startTrial(oneRedis);
});
afterEach(() => trial.remove());

const start = (options: Parameters<typeof up>[1] = {}) => up(trial.environment, { stateDir: trial.stateDir, ...options });
const port = () => (trial.environment.engine.kind === 'process' ? trial.environment.engine.ports.base : 0);

async function refusal(attempt: Promise<unknown>): Promise<MillraceError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isMillraceError(error)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

test('of two ups at once one works and the other one names it', async () => {
  const [first, second] = await Promise.allSettled([start(), start()]);
  expect(first.status).toBe('fulfilled');
  const { reason } = second as PromiseRejectedResult;
  expect(reason).toMatchObject({ code: 'STATE_LOCKED', retriable: true });
  expect(reason.message).toContain(`process ${process.pid}`);
});

test('a down during an up is refused', async () => {
  const running = start();
  expect((await refusal(down(trial.environment, { stateDir: trial.stateDir }))).code).toBe('STATE_LOCKED');
  await running;
});

test.each([
  ['of a process that has ended', () => JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1@gone' })],
  ['whose pid was given to another process', () => JSON.stringify({ pid: process.pid, startTime: '1@before' })],
  ['that is damaged', () => '{'],
])('a lock %s is taken over', async (_, content) => {
  writeFileSync(`${trial.stateDir}.lock`, content());
  await start();
  expect(trial.alive()).toEqual(['cache']);
  expect(existsSync(`${trial.stateDir}.lock`)).toBe(false);
});

describe('a port that another process holds', () => {
  let holder: Server;
  beforeEach(async () => {
    holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port(), '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => holder.close(resolve)));

  test('is named together with the process, and nothing is left', async () => {
    const error = await refusal(start());
    expect(error.code).toBe('PORT_IN_USE');
    expect(error.message).toContain(`port ${port()} for cache is held by process ${process.pid}`);
    expect(existsSync(trial.stateDir)).toBe(false);
  });
});

test.each([
  ['is not JSON', () => '{"schema": "millr', /not JSON/],
  ['is of another version', () => JSON.stringify({ schema: 'millrace.state/9', environment: 'trial', servers: {} }), /millrace\.state\/1/],
  [
    'is of another environment',
    () => JSON.stringify({ schema: 'millrace.state/1', environment: 'other', servers: {} }),
    /belongs to the environment other/,
  ],
])('a state file that %s is refused by up, down and status, with the way out', async (_, content, sentence) => {
  await start();
  const { cache } = trial.processes();
  const [file, good] = [join(trial.stateDir, 'state.json'), readFileSync(join(trial.stateDir, 'state.json'), 'utf8')];
  writeFileSync(file, content());
  for (const call of [
    start,
    () => down(trial.environment, { stateDir: trial.stateDir }),
    () => status(trial.environment, { stateDir: trial.stateDir }),
  ]) {
    const error = await refusal(call());
    expect(error.code).toBe(content().includes('other') ? 'STATE_FOREIGN' : 'STATE_CORRUPT');
    expect(error.message).toMatch(sentence);
    if (!content().includes('other')) expect(error.message).toContain(`kill ${cache!.pid}`);
  }
  expect(isAlive(cache!)).toBe(true);
  writeFileSync(file, good);
});

test('a process that was given the pid of one of ours is not signalled', async () => {
  await start();
  await down(trial.environment, { stateDir: trial.stateDir });
  const stranger = spawn('sleep', ['60']);
  const release = guardProcess(stranger.pid!);
  const file = join(trial.stateDir, 'state.json');
  const state = JSON.parse(readFileSync(file, 'utf8'));
  state.servers.cache.process = { pid: stranger.pid, startTime: 'earlier' };
  writeFileSync(file, JSON.stringify(state));
  expect((await status(trial.environment, { stateDir: trial.stateDir })).servers[0]?.state).toBe('down');
  expect((await down(trial.environment, { stateDir: trial.stateDir })).stopped).toEqual([]);
  expect(startTimeOf(stranger.pid!)).toBeDefined();
  stranger.kill();
  await once(stranger, 'exit');
  release();
});

/** A program in the place of redis-server. */
function pretend(body: string): { MILLRACE_REDIS_SERVER: string } {
  const file = join(trial.folder.path, 'pretended-server');
  writeFileSync(file, `#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v=7.9.9" && exit 0\n${body}\n`, { mode: 0o755 });
  return { MILLRACE_REDIS_SERVER: file };
}

test('a server that ends while it is started is quoted', async () => {
  const error = await refusal(start({ env: pretend('echo "cannot write: No space left on device"; exit 3') }));
  expect(error.code).toBe('SERVER_START_FAILED');
  expect(error.message).toMatch(/cache ended with exit code 3; last lines of .*cache\.log:\n {4}cannot write: No space left on device$/);
  expect(existsSync(trial.stateDir)).toBe(false);
});

test('a folder that cannot be made is named', async () => {
  writeFileSync(join(trial.folder.path, 'file'), '');
  const error = await refusal(start({ stateDir: join(trial.folder.path, 'file', 'state') }));
  expect(error.code).toBe('STATE_UNWRITABLE');
  expect(error.message).toContain(`${join(trial.folder.path, 'file')} cannot be written`);
});

test('what was in the folder before is not removed', async () => {
  mkdirSync(trial.stateDir);
  const other = join(trial.stateDir, 'staging-cache.tfstate');
  writeFileSync(other, '{}');
  await start();
  await down(trial.environment, { stateDir: trial.stateDir, wipe: true });
  expect(existsSync(other)).toBe(true);
});

test('an environment with another engine is refused', async () => {
  const other = { ...trial.environment, engine: engine.parse({ kind: 'docker' }) };
  const { stateDir } = trial;
  expect((await refusal(up(other, { stateDir }))).message).toContain('has the engine docker');
  // Its folder holds passwords that containers and their volumes know.
  mkdirSync(join(stateDir, 'secrets'), { recursive: true });
  for (const wipe of [false, true]) {
    expect((await refusal(down(other, { stateDir, wipe }))).message).toContain('make destroy ENV=trial');
  }
  expect(existsSync(join(stateDir, 'secrets'))).toBe(true);
});

test('what ran before the engine was changed can be stopped, but not wiped', async () => {
  await start();
  const other = { ...trial.environment, engine: engine.parse({ kind: 'docker' }) };
  const { stateDir } = trial;
  expect((await refusal(down(other, { stateDir, wipe: true }))).message).toContain('has the engine docker');
  expect((await down(other, { stateDir })).stopped).toEqual(['cache']);
  expect(processesWithin(stateDir)).toEqual([]);
});

test('servers that are no longer declared are stopped, changed settings are pointed out', async () => {
  await start();
  const progress: string[] = [];
  const { cache } = trial.environment.services;
  const onProgress = (step: { event: string; state?: string }) => progress.push(step.state ?? step.event);
  const changed = { ...trial.environment, services: { cache: { ...cache!, overrides: { memoryMiB: 65 } } } } as typeof trial.environment;
  await up(changed, { stateDir: trial.stateDir, onProgress });
  await up({ ...trial.environment, services: {} }, { stateDir: trial.stateDir, onProgress });
  expect(progress).toEqual(['outdated', 'undeclared']);
  expect(processesWithin(trial.stateDir)).toEqual([]);
});

test('the command ends with 0 when all is well, 2 when status finds a server down, 1 when it fails', async () => {
  const run = async (...args: string[]) => {
    const { code, stdout } = await environmentProgram(trial, ...args, '--json').ended;
    return { code, ...JSON.parse(stdout) };
  };
  expect(await run('status')).toMatchObject({ code: 2, ok: false, servers: [{ id: 'cache', state: 'down' }] });
  expect(await run('up')).toMatchObject({ code: 0, environment: 'trial', servers: [{ id: 'cache', started: true }] });
  expect(await run('status')).toMatchObject({ code: 0, ok: true, servers: [{ id: 'cache', state: 'up', port: port() }] });
  expect(await run('down')).toMatchObject({ code: 0, stopped: ['cache'] });
  writeFileSync(join(trial.stateDir, 'state.json'), '');
  expect(await run('up')).toMatchObject({ code: 1, error: { code: 'STATE_CORRUPT' } });
  writeFileSync(join(trial.stateDir, 'state.json'), JSON.stringify({ schema: 'millrace.state/1', environment: 'trial', servers: {} }));
});

const asRoot = process.getuid?.() === 0;

test('data lies where its server may walk when root keeps the environment in a closed folder, and is removed with it', async () => {
  const closed = join(trial.folder.path, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const stateDir = join(closed, 'state');
  const environment = { ...trial.environment, services: { database: { kind: 'postgres', role: 'database' } } } as typeof trial.environment;
  await up(environment, { stateDir });
  const { dir } = JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8')).servers.database;
  expect(dir.startsWith(stateDir)).toBe(!asRoot);
  expect((await status(environment, { stateDir })).ok).toBe(true);
  await down(environment, { stateDir, wipe: true });
  expect([existsSync(dir), existsSync(stateDir)]).toEqual([false, false]);
});
