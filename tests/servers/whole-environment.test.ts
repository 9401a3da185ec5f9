import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { local } from '../../environments/local.ts';
import { down, status, up } from '../../servers/supervisor/index.ts';
import { conformingEngine } from '../conformance/engine.ts';
import { applyProgram } from '../runtime/support/applied.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { guardServers, startTrial, type Trial } from './trial.ts';

/** What the shipped environment promises on two idle cores, in seconds and MiB. Tests share the cores, so only a multiple of a time is a failure. */
const promised = { upSeconds: 45, downSeconds: 15, memoryMiB: 2_560, applySeconds: 10, checkSeconds: 1.5 };
const patience = 3;

let trial: Trial;
let release = () => {};

beforeAll(async () => {
  await builtCli();
  trial = await startTrial(local.services!, local.topology);
}, 120_000);
afterAll(async () => {
  release();
  await trial.remove();
}, 60_000);

test('every server of the shipped environment `local` comes up, is well, and keeps to its time and memory', async () => {
  const { elapsedMs, servers, applied } = await up(trial.environment, { stateDir: trial.stateDir });
  release = guardServers(trial.processes());
  const found = await status(trial.environment, { stateDir: trial.stateDir });
  const memoryMiB = found.servers.reduce((sum, server) => sum + server.memoryMiB!, 0);
  process.stderr.write(`local: ${servers.length} servers up in ${(elapsedMs / 1_000).toFixed(1)} s with ${memoryMiB} MiB\n`);
  expect(found.servers.filter(({ state }) => state !== 'up')).toEqual([]);
  expect(new Set(found.servers.map(({ service }) => service))).toEqual(new Set(Object.keys(local.services!)));
  expect(memoryMiB).toBeLessThan(promised.memoryMiB);
  expect(elapsedMs).toBeLessThan(promised.upSeconds * 1_000 * patience);
  process.stderr.write(`local: topology applied in ${(applied!.elapsedMs / 1_000).toFixed(1)} s\n`);
  expect(applied).toMatchObject({ status: 'applied', exitCode: 0 });
  expect(applied!.elapsedMs).toBeLessThan(promised.applySeconds * 1_000 * patience);
}, 240_000);

test('then nothing differs from the reference topology, and to see that takes little time', async () => {
  const binding = join(trial.stateDir, 'binding.json');
  const ends = [
    await applyProgram(binding, ['--check']),
    await applyProgram(binding, ['--check']),
    await applyProgram(binding, ['--check']),
  ];
  for (const { code, outcome, stderr } of ends) {
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(outcome!.services.map(({ service }) => service)).toEqual(['events', 'log', 'search', 'tasks']);
  }
  const quickestMs = Math.min(...ends.map(({ elapsedMs }) => elapsedMs));
  process.stderr.write(`local: topology checked in ${(quickestMs / 1_000).toFixed(2)} s, start of the process included\n`);
  expect(quickestMs).toBeLessThan(promised.checkSeconds * 1_000 * patience);
}, 60_000);

test('a second up changes nothing', async () => {
  const before = trial.processes();
  const { servers, applied } = await up(trial.environment, { stateDir: trial.stateDir });
  expect(servers.filter(({ started }) => started)).toEqual([]);
  expect(applied).toMatchObject({ status: 'as-declared', exitCode: 0 });
  expect(trial.processes()).toEqual(before);
}, 60_000);

conformingEngine({
  environment: () => trial.environment,
  binding: () => JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8')),
  secretsAndTexts: () => trial.secretsAndTexts(),
  bindingFile: () => join(trial.stateDir, 'binding.json'),
});

test('the tour publishes, consumes in batches, has a task done and gets a call answered on it', async () => {
  const tsx = pathToFileURL(resolve('node_modules/tsx/dist/loader.mjs')).href;
  const main = resolve('examples/event-tour/src/main.ts');
  const env = { ...process.env, MILLRACE_BINDING: join(trial.stateDir, 'binding.json') };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, main], { env });
  expect(stdout.trim().split('\n')).toEqual([
    '500 orders were placed in one transaction, and booked in batches',
    'a call was answered: /documents/....pdf',
    'a task was done a second after it was sent',
  ]);
}, 60_000);

test('down stops all of it in time', async () => {
  const { stopped, elapsedMs } = await down(trial.environment, { stateDir: trial.stateDir });
  release();
  process.stderr.write(`local: ${stopped.length} servers down in ${(elapsedMs / 1_000).toFixed(1)} s\n`);
  expect(trial.alive()).toEqual([]);
  expect(elapsedMs).toBeLessThan(promised.downSeconds * 1_000 * patience);
}, 120_000);
