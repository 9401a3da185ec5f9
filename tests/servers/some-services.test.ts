import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signalProcess } from '../../servers/local-process/identity.ts';
import { status } from '../../servers/supervisor/index.ts';
import { eventually } from '../support/eventually.ts';
import { environmentProgram, guardServers, startTrial, type Trial } from './trial.ts';

let trial: Trial;

beforeAll(async () => {
  trial = await startTrial({ cache: { kind: 'redis', role: 'cache' }, jobs: { kind: 'redis', role: 'jobs' } });
});
afterAll(() => trial.remove());

const binding = () => JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8')) as { services: object };

async function run(...args: string[]): Promise<{ code: number | null; answer: Record<string, unknown> }> {
  const { code, stdout } = await environmentProgram(trial, ...args, '--json').ended;
  return { code, answer: JSON.parse(stdout) as Record<string, unknown> };
}

test('up --only starts the services that it names, and the binding has the names of what runs', async () => {
  expect(await run('up', '--only', 'jobs')).toMatchObject({ code: 0, answer: { servers: [{ id: 'jobs', started: true }] } });
  const release = guardServers(trial.processes());
  expect(trial.alive()).toEqual(['jobs']);
  expect(Object.keys(binding().services)).toEqual(['jobs']);
  release();
});

test('what runs already goes on, and stays in the binding', async () => {
  const before = trial.processes().jobs;
  const { answer } = await run('up', '--only', 'cache');
  const release = guardServers(trial.processes());
  expect(answer).toMatchObject({
    servers: [
      { id: 'cache', started: true },
      { id: 'jobs', started: false },
    ],
  });
  expect(trial.processes().jobs).toEqual(before);
  expect(Object.keys(binding().services).sort()).toEqual(['cache', 'jobs']);
  release();
});

test('status --only looks at these alone', async () => {
  signalProcess(trial.processes().cache!, 'SIGKILL');
  await eventually(() => trial.alive().length === 1, { what: 'the cache has ended' });
  expect((await run('status', '--only', 'jobs')).code).toBe(0);
  expect((await run('status')).code).toBe(2);
});

test('names may stand with commas between them, and one that is not declared is refused with those that are', async () => {
  const { code, answer } = await run('up', '--only', 'jobs,cash');
  expect(code).toBe(1);
  expect(answer).toMatchObject({ error: { code: 'SERVICE_UNKNOWN', message: 'no service is named cash; choose from cache, jobs' } });
});

test('the folder of another environment is refused, and nobody is told to remove it', async () => {
  const other = { ...trial.environment, name: 'other' };
  await expect(status(other, { stateDir: trial.stateDir })).rejects.toMatchObject({
    code: 'STATE_FOREIGN',
    message: expect.stringContaining('belongs to the environment trial, not to other; name another with MILLRACE_STATE_DIR'),
  });
});
