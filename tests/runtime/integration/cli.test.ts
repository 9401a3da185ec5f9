import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { bindingEnv, builtCli, runCli, startCli } from '../support/cli.ts';
import { commitEach, drained, event, logAt, openLog, sinkRow } from '../support/log.ts';
import { versions } from '../support/migrations.ts';
import { topologyOf } from './redis-streams-fixture.ts';

const all = versions.join(', ');

let postgres: TestPostgres;
let redis: TestRedis;
let folder: TestFolder;

beforeAll(async () => {
  [postgres, redis, folder] = await Promise.all([startTestPostgres(), startTestRedis(), testFolder('cli'), builtCli()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop(), folder.remove()]);
});

const topology = topologyOf({ t: { tenantless: true } });

describe('millrace migrate', () => {
  test('migrates, says so, and has nothing to do afterwards; status tells by its exit code', async () => {
    const env = bindingEnv(folder.path, { database: (await postgres.createDatabase()).url });
    expect(await runCli(['migrate', 'status'], env)).toMatchObject({ code: 2, stdout: `applied: none\npending: ${all}\n`, stderr: '' });
    expect(await runCli(['migrate'], env)).toMatchObject({ code: 0, stdout: `applied migration ${all}\n`, stderr: '' });
    expect(await runCli(['migrate', 'status'], env)).toMatchObject({ code: 0, stdout: `applied: ${all}\npending: none\n` });
    expect(await runCli(['migrate'], env)).toMatchObject({ code: 0, stdout: 'nothing to do: the schema is up to date\n' });
    const asJson = await runCli(['migrate', 'status', '--json'], env);
    expect(JSON.parse(asJson.stdout)).toEqual({ applied: versions, pending: [] });
  });
  test('prints SQL that psql can run, without a binding', async () => {
    const { url, database } = await postgres.createDatabase();
    const { stdout, code } = await runCli(['migrate', '--sql'], {});
    expect(code).toBe(0);
    await new Promise<void>((resolve, reject) => {
      const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url], { stdio: ['pipe', 'ignore', 'pipe'] });
      child.stdin.end(stdout);
      child.once('close', (psqlCode) => (psqlCode === 0 ? resolve() : reject(new Error(`psql ended with ${psqlCode}`))));
    });
    expect(await runCli(['migrate', 'status'], bindingEnv(folder.path, { database: url }))).toMatchObject({ code: 0 });
    const log = logAt({ url, database });
    await commitEach(log, [event('k')]);
    await log.close();
  });
});

describe('a command that cannot do its work says in one sentence why, and ends with 1:', () => {
  const fails = async (args: string[], env: Record<string, string>, says: RegExp): Promise<void> => {
    const end = await runCli(args, env);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(says) });
    expect(end.stderr.trim().split('\n').length).toBe(1);
  };
  const database = () => `postgres://postgres:${postgres.password}@127.0.0.1:${postgres.port}/postgres`;

  test('no binding', () =>
    fails(['migrate'], {}, /^millrace: BINDING_INVALID: no binding found: give --binding FILE, or set MILLRACE_BINDING /));
  test('a binding file that is not there', () =>
    fails(
      ['relay', '--binding', '/nowhere/binding.json'],
      {},
      /BINDING_INVALID: binding file \/nowhere\/binding\.json, named by the caller, /,
    ));
  test('status --sql, which would print nothing of a status', () =>
    fails(['migrate', 'status', '--sql'], {}, /--sql belongs to millrace migrate/));
  test('a lease too short to be kept', () => fails(['relay', '--lease-ms', '199'], {}, /must be a whole number from 200 on, got 199/));
  test('a binding that is not there', () =>
    fails(['migrate'], { MILLRACE_BINDING: '/nowhere/binding.json' }, /BINDING_INVALID: .*\/nowhere\/binding\.json/));
  test('a binding that is no JSON', () => {
    writeFileSync(join(folder.path, 'broken.json'), '{');
    return fails(['migrate', '--binding', join(folder.path, 'broken.json')], {}, /BINDING_INVALID: /);
  });
  test('a service that is not bound', () =>
    fails(['migrate', '--database', 'other'], bindingEnv(folder.path, { database: database() }), /BINDING_NAME_UNKNOWN: .*database/));
  test('a wrong password', () =>
    fails(
      ['migrate'],
      { ...bindingEnv(folder.path, { database: database() }), TEST_DATABASE_PASSWORD: 'wrong' },
      /CONNECTION_REFUSED_CREDENTIALS: /,
    ));
  test('a password that is not there', () =>
    fails(['migrate'], { ...bindingEnv(folder.path, { database: database() }), TEST_DATABASE_PASSWORD: '' }, /^millrace: [A-Z_]+: /));
  test('a server that is gone', () =>
    fails(['migrate'], bindingEnv(folder.path, { database: database().replace(/:\d+\/postgres$/, ':1/postgres') }), /CONNECTION_FAILED: /));
  test('a role that may not create the schema', async () => {
    const { url } = await postgres.createDatabase();
    const log = logAt({ url, database: '' });
    await log.rows("do $$ begin create role powerless login password 'x'; exception when duplicate_object then null; end $$");
    await log.close();
    await fails(['migrate'], bindingEnv(folder.path, { database: url.replace(/\/\/[^@]+@/, '//powerless:x@') }), /permission denied/);
  });
  test('a database that is not migrated', async () => {
    const { url } = await postgres.createDatabase();
    const end = await runCli(['relay'], bindingEnv(folder.path, { database: url, redis, topology }));
    expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(/^millrace: MIGRATION_PENDING: .*run millrace migrate\n$/) });
  });
  test('a relay without Redis', () =>
    fails(['relay'], bindingEnv(folder.path, { database: database(), topology }), /BINDING_NAME_UNKNOWN: .*--sink/));
  test('a flag that is no number', async () => {
    expect(await runCli(['relay', '--lease-ms', 'soon'], {})).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/must be a whole number from 200 on, got soon/),
    });
  });
});

test('millrace relay publishes, answers for its health, and lets the sink go on SIGTERM', async () => {
  const log = await openLog(postgres);
  const env = bindingEnv(folder.path, { database: log.url, redis, topology });
  const port = await freePorts();
  const relay = await startCli(['relay', '--http-port', String(port)], env);
  await commitEach(log, [event('k')]);
  await drained(log, 30_000);
  const live = await eventually(async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok, { what: 'it is ready' });
  expect(live).toBe(true);
  relay.kill('SIGTERM');
  expect(await relay.ended).toMatchObject({ code: 0, stderr: '' });
  expect(await sinkRow(log)).toMatchObject({ holder: null, low: 1 });
  await log.close();
});

test('the program says which version it is', async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../../runtime/package.json'), 'utf8')) as { version: string };
  expect(await runCli(['--version'], {})).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([[['--help']], [[]]])('the program says what it can do when it is given %j', async (args) => {
  const { stdout, code } = await runCli(args, {});
  expect(code).toBe(0);
  expect(stdout).toMatch(/migrate/);
  expect(stdout).toMatch(/relay/);
});
