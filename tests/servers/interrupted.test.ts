import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity, signalProcess } from '../../servers/local-process/identity.ts';
import { processesWithin } from '../../servers/supervisor/holders.ts';
import { type Progress, up } from '../../servers/supervisor/index.ts';
import { eventually } from '../support/eventually.ts';
import { environmentProgram, startTrial, type Trial } from './trial.ts';

let trial: Trial;
const interruption = new Error('enough');

afterEach(() => trial.remove());

/** Interrupts an `up` as soon as `moment` has come, and returns what it threw. */
async function upInterrupted(moment: () => boolean): Promise<unknown> {
  const controller = new AbortController();
  const interrupt = () => moment() && controller.abort(interruption);
  const watch = setInterval(interrupt, 2);
  const onProgress = (progress: Progress) => {
    seen.push(progress);
    interrupt();
  };
  try {
    seen.length = 0;
    return await up(trial.environment, { stateDir: trial.stateDir, signal: controller.signal, onProgress });
  } catch (error) {
    return error;
  } finally {
    clearInterval(watch);
  }
}

const seen: Progress[] = [];
const isReady = (server: string) => seen.some((step) => step.event === 'server' && step.state === 'ready' && step.server === server);
const exists = (...path: string[]) => existsSync(join(trial.stateDir, ...path));

const moments: readonly (readonly [string, () => boolean])[] = [
  ['when it has only made its folder', () => exists('logs')],
  ['when the first process has been launched', () => Object.keys(trial.processes()).length > 0],
  ['when the first server is ready', () => isReady('cache')],
  ['when the first sentinel is ready', () => isReady('events-sentinel-1')],
  ['while the database is created', () => exists('data', 'database', 'initdb.json')],
  ['when the database has been launched', () => 'database' in trial.processes()],
  ['when the database is ready', () => isReady('database')],
];

test.each(moments)('an up interrupted %s leaves nothing behind', async (_, moment) => {
  trial = await startTrial();
  expect(await upInterrupted(moment)).toBe(interruption);
  expect(processesWithin(trial.folder.path)).toEqual([]);
  expect(readdirSync(trial.folder.path)).toEqual([]);
});

test('an up interrupted while others run already stops only what it started itself', async () => {
  trial = await startTrial();
  await up(trial.environment, { stateDir: trial.stateDir });
  const before = trial.processes();
  signalProcess(before.database!, 'SIGKILL');
  await eventually(() => !isAlive(before.database!), { what: 'the database has ended' });
  expect(
    await upInterrupted(() => trial.processes().database !== undefined && trial.processes().database?.pid !== before.database?.pid),
  ).toBe(interruption);
  const rest = Object.keys(before).filter((id) => id !== 'database');
  expect(trial.alive().sort()).toEqual(rest.sort());
  for (const id of rest) expect(trial.processes()[id]).toEqual(before[id]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'the command interrupted by %s leaves nothing behind and says so by its exit code',
  async (signal) => {
    trial = await startTrial();
    const program = environmentProgram(trial, 'up');
    await eventually(() => processesWithin(trial.stateDir).length > 0, { what: 'servers are being started' });
    process.kill(program.pid, signal);
    const { code, stderr } = await program.ended;
    expect(code).toBe({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
    expect(stderr).toContain(`interrupted by ${signal}`);
    expect(processesWithin(trial.folder.path)).toEqual([]);
    expect(readdirSync(trial.folder.path).filter((name) => name !== 'environment.ts')).toEqual([]);
  },
);

test('what an up leaves that was killed outright is taken over by the next one', async () => {
  trial = await startTrial();
  const program = environmentProgram(trial, 'up');
  await eventually(() => trial.alive().length >= 3, { what: 'some servers run' });
  process.kill(program.pid, 'SIGKILL');
  await program.ended;
  expect(existsSync(`${trial.stateDir}.lock`)).toBe(true);
  const orphans: Record<string, ProcessIdentity> = trial.processes();
  await up(trial.environment, { stateDir: trial.stateDir });
  expect(trial.alive()).toHaveLength(8);
  for (const [id, process] of Object.entries(orphans)) if (isAlive(process)) expect(trial.processes()[id]).toEqual(process);
});
