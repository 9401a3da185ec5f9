import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { bindingEnv, runCli } from '../support/cli.ts';
import { commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { topologyOf } from './redis-streams-fixture.ts';

let postgres: TestPostgres;
let folder: TestFolder;
let log: TestLog;
let env: Record<string, string>;

beforeAll(async () => {
  [postgres, folder] = await Promise.all([startTestPostgres(), testFolder('archive-cli')]);
  log = await openLog(postgres);
  const topology = { ...topologyOf({ t: {}, 'audit.logs': {} }), retention: { outboxDays: 7, inboxDays: 14 } };
  env = bindingEnv(folder.path, { database: log.url, topology });
});
afterAll(async () => {
  await log.close();
  await Promise.all([postgres.stop(), folder.remove()]);
});

const json = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('a partition is archived, listed, verified, redacted and restored by commands that say so by their exit codes', async () => {
  expect(await runCli(['archive', 'list'], env)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/BINDING_INVALID: the binding has no archive.location/),
  });
  const file = env.MILLRACE_BINDING!;
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), archive: { location: 'archive/' } }));
  expect(await runCli(['archive', 'list'], env)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/nothing is archived at .*archive\//),
  });

  await commitEach(log, [event('k', 0, { tenantId: 'acme', actorId: 'ann' })]);
  await log.rows("update millrace.outbox set created_at = created_at - interval '2 days'");
  await log.rows("select millrace.cut_outbox('day')");
  expect(await runCli(['archive', 'run'], env)).toMatchObject({ code: 0, stdout: 'outbox_1000001: archived\n' });
  expect(json((await runCli(['archive', 'list', '--json'], env)).stdout)).toMatchObject([
    { partition: 'outbox_1000001', rows: 1, inLog: true },
  ]);
  expect(await runCli(['archive', 'verify'], env)).toMatchObject({ code: 0, stdout: 'outbox_1000001: as its manifest says\n' });

  const redacted = await runCli(['redact', '--tenant', 'acme', '--by', 'officer', '--json'], env);
  expect(redacted.code).toBe(0);
  expect(json(redacted.stdout)).toMatchObject([{ dryRun: false, counts: { outbox_1000001: 1, 'archive outbox_1000001': 1 }, remains: [] }]);
  expect(await runCli(['archive', 'verify'], env)).toMatchObject({ code: 0 });
  expect(await runCli(['redact', '--by', 'officer'], env)).toMatchObject({ code: 1, stderr: expect.stringMatching(/REDACTION_INVALID/) });

  await log.rows('alter table millrace.outbox detach partition millrace.outbox_1000001');
  await log.rows('drop table millrace.outbox_1000001');
  expect(await runCli(['archive', 'restore', '--to', '2001-01-01'], env)).toMatchObject({
    code: 0,
    stdout: 'nothing is archived of that time\n',
  });
  await log.rows('create table millrace.restoring_1000001 (like millrace.outbox)');
  expect((await runCli(['archive', 'list'], env)).stdout).toMatch(
    /restoring_1000001: left by a restore that was interrupted; run it again/,
  );
  expect((await runCli(['archive', '--help'], env)).stdout.replaceAll(/\s+/g, ' ')).toMatch(/2026-11-21T08:00:00Z. Exit code 0 when/);
  const restored = await runCli(['archive', 'restore', '--keep-until', '2030-01-01'], env);
  expect(restored).toMatchObject({ code: 0, stdout: 'outbox_1000001: 1 event restored, kept until 2030-01-01T00:00:00.000Z\n' });
  expect(
    await log.rows("select data, headers ? 'redacted' as marked from millrace.outbox where tenant_id = 'acme' order by id limit 1"),
  ).toEqual([{ data: null, marked: true }]);

  const part = (await runParts())[0]!;
  writeFileSync(part, readFileSync(part).subarray(1));
  expect(await runCli(['archive', 'verify'], env)).toMatchObject({
    code: 2,
    stdout: expect.stringMatching(/part-00000.* has SHA-256 .*, its manifest says/),
  });
}, 90_000);

async function runParts(): Promise<string[]> {
  const [{ location }] = (await log.rows<{ location: string }>('select location from millrace.archived_partition')) as [
    { location: string },
  ];
  const manifest = JSON.parse(readFileSync(join(location, 'manifest.json'), 'utf8')) as { parts: { object: string }[] };
  return manifest.parts.map(({ object }) => join(location, object));
}
