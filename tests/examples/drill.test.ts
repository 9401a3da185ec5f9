import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { brokenPromises, type Result, type Rung, table } from '../../examples/order-service/drill/report.ts';
import { testFolder } from '../support/folders.ts';
import { guardProcess } from '../support/guard.ts';

const rung = (rangAfterMs: number | undefined, silentAfterMs: number | undefined): Rung => ({
  act: 'something goes wrong',
  alerts: [{ id: 'streams-backlog', rangAfterMs, silentAfterMs }],
});
const plain = { good: (text: string) => text, bad: (text: string) => text };

test('a drill in which each alert rang and went silent in time has nothing to complain of', () => {
  expect(brokenPromises([rung(89_000, 119_000)], 90_000, 120_000)).toEqual([]);
});

test.each([
  ['never rang', rung(undefined, 1_000), ['streams-backlog did not ring within 90 s: something goes wrong']],
  ['rang too late', rung(91_000, 1_000), ['streams-backlog did not ring within 90 s: something goes wrong']],
  ['never went silent', rung(1_000, undefined), ['streams-backlog was not silent 120 s after it was mended: something goes wrong']],
])('an alert that %s is told', (_what, act, sentences) => {
  expect(brokenPromises([act], 90_000, 120_000)).toEqual(sentences);
});

test('a drill without acts has shown nothing', () => {
  expect(brokenPromises([], 90_000, 120_000)).toEqual(['nothing was brought about, so nothing was shown']);
});

test('the table has a row for each alert, and says never where there was no ring', () => {
  const result = { rung: [rung(31_400, undefined)], broken: ['streams-backlog was not silent'] };
  expect(table(result, plain).split('\n')).toEqual([
    '  alert               rang   silent  what happened',
    '  streams-backlog     31 s    never  something goes wrong',
    '',
    '  BROKEN  streams-backlog was not silent',
    '',
  ]);
});

test('each alert that the drill causes rings in a real Alertmanager within 90 s, and is silent again after it was mended', async () => {
  const folder = await testFolder('drill');
  const drill = spawn(process.execPath, ['--import', 'tsx', 'examples/order-service/drill.ts', '--json'], {
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = guardProcess(drill.pid!);
  let out = '';
  let told = '';
  drill.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  drill.stderr.on('data', (chunk) => {
    told += String(chunk);
  });
  const [code] = (await once(drill, 'close')) as [number | null];
  release();
  if (out === '') throw new Error(`no result, exit code ${code}:\n${told}`);
  const { rung, broken } = JSON.parse(out) as Result;
  console.info(table({ rung, broken }, plain));
  expect(broken).toEqual([]);
  expect(code).toBe(0);
  expect(rung.flatMap(({ alerts }) => alerts.map(({ id }) => id)).sort()).toEqual([
    'redis-memory',
    'redis-replica-missing',
    'redis-writes-refused',
    'streams-backlog',
    'streams-dead-letters',
    'streams-pending',
  ]);
  await folder.remove();
}, 900_000);
