import { janitorCheck } from '../../../runtime/src/retention/check.ts';
import { type Janitor, type JanitorLogger, runOnce, startJanitor } from '../../../runtime/src/retention/janitor.ts';
import type { Task, TaskReport } from '../../../runtime/src/retention/task.ts';
import { eventually } from '../../support/eventually.ts';

const idle: TaskReport = { sentence: 'nothing to do', details: {}, held: [] };
const held = { name: 'stream:{t:0}', sentence: 'stream:{t:0} keeps 5 s more than its window' };

function task(run: Task['run'], everyMs = 5): Task {
  return { name: 'sweep', everyMs, run };
}

/** A logger that keeps what it is told. */
function recorder(): { lines: string[]; logger: JanitorLogger } {
  const lines: string[] = [];
  const write = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  return { lines, logger: { info: write('info'), warn: write('warn'), error: write('error') } };
}

const janitors: Janitor[] = [];
afterEach(async () => {
  await Promise.all(janitors.splice(0).map((janitor) => janitor.close()));
});

function start(tasks: Task[]) {
  const { lines, logger } = recorder();
  const janitor = startJanitor({ tasks, logger });
  janitors.push(janitor);
  return { janitor, lines };
}

describe('a janitor', () => {
  test('does its tasks again and again, whatever becomes of one of them', async () => {
    const runs = { good: 0, bad: 0 };
    const good = task(async () => {
      runs.good += 1;
      return idle;
    });
    const bad = task(async () => {
      runs.bad += 1;
      throw new Error('no way');
    });
    const { janitor, lines } = start([good, { ...bad, name: 'broken' }]);
    await eventually(() => runs.good > 2 && runs.bad > 2, { what: 'both tasks were run again' });
    expect(janitor.outcomes()).toMatchObject([
      { task: 'sweep', report: idle },
      { task: 'broken', error: new Error('no way') },
    ]);
    expect(lines).toContain('error a run failed; it is tried again');
  });

  test('tells what is new, not what it has told before', async () => {
    let runs = 0;
    const reports: TaskReport[] = [idle, idle, { ...idle, held: [held] }, { ...idle, held: [held] }, idle, { ...idle, held: [held] }];
    const { lines } = start([task(async () => reports[Math.min(runs++, reports.length - 1)]!)]);
    await eventually(() => runs > reports.length, { what: 'all was reported' });
    expect(lines).toEqual(['info nothing to do', `warn ${held.sentence}`, `warn ${held.sentence}`]);
  });

  test('warns of every loss', async () => {
    let runs = 0;
    const { lines } = start([task(async () => ({ ...idle, lost: ++runs < 3 ? [{ name: 'dead', sentence: 'two are gone' }] : [] }))]);
    await eventually(() => runs > 3, { what: 'it ran four times' });
    expect(lines.filter((line) => line === 'warn two are gone')).toHaveLength(2);
  });

  test('ends when the runs under way have ended', async () => {
    const seen: string[] = [];
    const slow = task(async (signal) => {
      await eventually(() => signal.aborted, { what: 'it is stopped' });
      seen.push('ended');
      return idle;
    });
    const { janitor } = start([slow]);
    await janitor.close();
    expect(seen).toEqual(['ended']);
  });

  test('gives one outcome a task when it runs once', async () => {
    const { logger } = recorder();
    const failing = task(async () => {
      throw new Error('no way');
    });
    const outcomes = await runOnce({ tasks: [task(async () => idle), failing], logger }, new AbortController().signal);
    expect(outcomes).toEqual([
      { task: 'sweep', report: idle },
      { task: 'sweep', error: new Error('no way') },
    ]);
  });
});

describe('the health of a janitor', () => {
  const look = (outcomes: ReturnType<Janitor['outcomes']>) =>
    janitorCheck({ outcomes: () => outcomes }).check(new AbortController().signal);

  test('is up before the first run and after a good one', async () => {
    expect(await look([{ task: 'sweep' }])).toMatchObject({ status: 'up' });
    expect(await look([{ task: 'sweep', report: idle }])).toMatchObject({ status: 'up', observations: [{ measure: 'held', value: 0 }] });
  });

  test('is degraded, with the reason, when a task failed or something is held', async () => {
    expect(await look([{ task: 'sweep', error: new Error('no way') }])).toMatchObject({
      status: 'degraded',
      reason: 'sweep failed: no way',
    });
    expect(await look([{ task: 'sweep', report: { ...idle, held: [held] } }])).toMatchObject({ status: 'degraded', reason: held.sentence });
  });
});
