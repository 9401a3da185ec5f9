import { startReplays } from '../../../runtime/src/replay/index.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { bindingEnv, builtCli, type CliEnd, runCli, startCli } from '../support/cli.ts';
import { commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { replayTopology } from '../support/replay.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let postgres: TestPostgres;
let folder: TestFolder;
let log: TestLog;
let env: Record<string, string>;

beforeAll(async () => {
  [postgres, folder] = await Promise.all([startTestPostgres(), testFolder('replay'), builtCli()]);
  log = await openLog(postgres);
  env = bindingEnv(folder.path, { database: log.url, topology: replayTopology });
  await commitEach(
    log,
    Array.from({ length: 10 }, (_, n) => event('k', n, { tenantId: n < 3 ? 'north' : 'south' })),
  );
}, 120_000);
afterAll(async () => {
  await log?.close();
  await Promise.all([postgres?.stop(), folder?.remove()]);
});

const replay = (...args: string[]): Promise<CliEnd> => runCli(['replay', ...args], env);
const ofGroup = ['--topic', 't', '--group', 'g'];

test('a dry run counts, and asks for nothing', async () => {
  expect(await replay(...ofGroup, '--from', '2026-01-01', '--tenant', 'north', '--dry-run')).toMatchObject({
    ...{ code: 0, stdout: 'would replay 3 events of t for g, ids 1 to 10\n', stderr: '' },
  });
  expect((await replay('list')).stdout).toBe('there is no replay\n');
});

test.each([
  ['a topic that is not declared', ['--topic', 'x', '--group', 'g', '--from', '1'], /TOPIC_UNKNOWN: topic x is not in the topology/],
  [
    'a group that is not declared',
    ['--topic', 't', '--group', 'x', '--from', '1'],
    /REPLAY_INVALID: topic t has no group x; declared are g/,
  ],
  [
    'an event that is not there',
    [...ofGroup, '--from', '01890000-0000-7000-8000-000000000000'],
    /is not in the log, which has ids 1 to 10/,
  ],
  ['a mark that is none', [...ofGroup, '--from', 'yesterday'], /must be a time as 2026-11-01/],
  ['no mark', ofGroup, /give --from/],
  ['a tenant of a topic without', ['--topic', 'strict', '--group', 'g', '--from', '1', '--tenant', 'north'], /topic strict is tenantless/],
])('%s is refused', async (_, args, problem) => {
  const { code, stderr } = await replay(...args);
  expect([code, stderr]).toEqual([1, expect.stringMatching(problem)]);
});

test('with --wait it ends when the replay has, and tells of what was given up by its exit code', async () => {
  await using _replays = startReplays({
    ...{ openClient: log.open, topology: replayTopology, group: 'g', pollMs: 50, logger: silent },
    handlers: {
      t: {
        async handler({ sequence }, { run }) {
          if (sequence === '4' && run === 'bad') throw new Error('never');
        },
      },
    },
  });
  const good = await replay(...ofGroup, '--from', '1', '--run', 'good', '--wait', '--json');
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ run: 'good', state: 'done', handled: 10, failed: 0, expected: 10, tenant: null });
  const bad = await replay(...ofGroup, '--from', '1', '--run', 'bad', '--wait');
  expect(bad).toMatchObject({ code: 2, stdout: 'replay bad is done: 9 of 10 events handled, 1 given up (millrace replay show bad)\n' });
  expect((await replay('show', 'bad')).stdout).toMatch(/^4 +[0-9a-f-]{36} +happened +k +south +never$/m);
  expect(await replay(...ofGroup, '--from', '1', '--run', 'good')).toMatchObject({ code: 1 });
  expect((await replay('list')).stdout).toMatch(/^good +t +g +done +10 of 10 /m);
}, 60_000);

test('without a process that takes it, it waits, and can be cancelled', async () => {
  const waiting = await startCli(['replay', ...ofGroup, '--from', '1', '--run', 'alone', '--wait'], env);
  await eventually(async () => (await log.rows("select from millrace.replay where run = 'alone'")).length === 1, {
    what: 'it is asked for',
  });
  expect(await replay('cancel', 'alone')).toMatchObject({ code: 0, stdout: 'replay alone is cancelled; it stops within a second\n' });
  expect(await waiting.ended).toMatchObject({ code: 1, stdout: 'replay alone is cancelled: 0 of 10 events handled\n' });
  expect((await replay('cancel', 'alone')).code).toBe(2);
}, 60_000);

test('where the log does not reach back it says from when it does', async () => {
  await log.rows("select setval('millrace.outbox_id', 1000000)");
  await commitEach(log, [event('k', 10, { tenantId: 'south' })]);
  await log.rows('drop table millrace.outbox_1000001');
  const { code, stderr } = await replay(...ofGroup, '--from', '2026-01-01');
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/REPLAY_OUT_OF_LOG: the log begins with id 1000001, 20.*millrace archive restore/),
  ]);
}, 60_000);
