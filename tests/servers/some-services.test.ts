import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentProgram, guardServers, startTrial, type Trial } from './trial.ts';

let trial: Trial;

beforeAll(async () => {
  trial = await startTrial({ cache: { kind: 'redis', role: 'cache' }, jobs: { kind: 'redis', role: 'jobs' } });
});
afterAll(() => trial.remove());

async function run(...args: string[]): Promise<{ code: number | null; answer: Record<string, unknown> }> {
  const { code, stdout } = await environmentProgram(trial, ...args, '--json').ended;
  return { code, answer: JSON.parse(stdout) as Record<string, unknown> };
}

test('up --only starts the services that it names, stops the others, and the binding has the names of what runs', async () => {
  await run('up');
  const release = guardServers(trial);
  expect(trial.alive()).toEqual(['cache', 'jobs']);
  expect(await run('up', '--only', 'jobs')).toMatchObject({ code: 0, answer: { servers: [{ id: 'jobs', started: false }] } });
  expect(trial.alive()).toEqual(['jobs']);
  const binding = JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8')) as { services: object };
  expect(Object.keys(binding.services)).toEqual(['jobs']);
  release();
});

test('status --only is content with them, status alone is not', async () => {
  expect((await run('status', '--only', 'jobs')).code).toBe(0);
  expect((await run('status')).code).toBe(2);
});

test('a name that is not declared is refused with those that are', async () => {
  const { code, answer } = await run('up', '--only', 'jbs');
  expect(code).toBe(1);
  expect(answer).toMatchObject({ error: { code: 'ENVIRONMENT_INVALID', message: '--only names jbs; services of trial are cache, jobs' } });
});
