import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type LoadedBinding, type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { type Binding, type BoundService, bindingSchema } from '../../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { examineServices } from '../../../runtime/src/doctor/index.ts';
import { type DoctorReport, doctorReportSchema, type ServiceReport } from '../../../runtime/src/doctor/report.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import {
  startTestPostgres,
  startTestRabbit,
  startTestRedis,
  startTestSentinel,
  type TestAuthority,
  type TestPostgres,
  type TestRabbit,
  type TestRedis,
  type TestSentinel,
  testAuthority,
} from '../../support/servers.ts';
import { bindingEnv, builtCli, runCli } from '../support/cli.ts';
import { postgresHandle, redisHandle, sentinelHandle } from './connections-handles.ts';
import { plainClient, topologyOf } from './redis-streams-fixture.ts';

type Change = Partial<BoundService>;

let redis: TestRedis;
let secure: TestRedis;
let postgres: TestPostgres;
let authority: TestAuthority;
let stranger: TestAuthority;
let client: Redis;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([testAuthority(), testAuthority()]);
  [redis, secure, postgres] = await Promise.all([startTestRedis(), startTestRedis({ tls: authority }), startTestPostgres(), builtCli()]);
  client = await plainClient(redis);
}, 120_000);
afterAll(async () => {
  client?.disconnect();
  await Promise.all([redis?.stop(), secure?.stop(), postgres?.stop(), authority?.remove(), stranger?.remove()]);
});

/** A binding of one service, as its handle knows it but for the change. */
function bindingOf(handle: ServiceHandle, change: Change = {}): LoadedBinding {
  const service = { ...handle.service, ...change };
  return { ...wrap({ [handle.name]: service }), service: () => ({ ...handle, service }) };
}

async function examine(handle: ServiceHandle, change?: Change, timeoutMs = 5_000): Promise<ServiceReport> {
  const { services } = await examineServices({ binding: bindingOf(handle, change), timeoutMs });
  return services[0]!;
}

const codesOf = ({ problems }: Pick<ServiceReport, 'problems'>) => problems.map(({ code }) => code);
const at = (host: string, port: number): Change => ({ endpoints: [{ purpose: 'primary', host, port }] });
const secretAt = (id: string): Change => ({ auth: { mode: 'password', secretRef: { from: 'file', id } } });

describe('millrace doctor', () => {
  const topology = topologyOf({ orders: { consumers: [{ group: 'inventory' }] } });
  let folder: TestFolder;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await testFolder('doctor');
    const database = await postgres.createDatabase();
    env = bindingEnv(folder.path, { redis, database: database.url, topology });
  });
  afterAll(() => folder?.remove());

  const changed = (name: string, change: (document: Binding) => unknown): Record<string, string> => {
    const document = bindingSchema.parse(JSON.parse(readFileSync(env.MILLRACE_BINDING!, 'utf8')));
    change(document);
    const file = join(folder.path, `${name}.json`);
    writeFileSync(file, JSON.stringify(document));
    return { ...env, MILLRACE_BINDING: file };
  };
  const asJson = async (args: readonly string[], of = env): Promise<{ code: number | null; document: DoctorReport }> => {
    const { code, stdout } = await runCli(['doctor', '--json', ...args], of);
    return { code, document: doctorReportSchema.parse(JSON.parse(stdout)) };
  };

  test('ends with 2 while schema and topology wait, and with 0 once what it said was done', async () => {
    const before = await runCli(['doctor'], env);
    expect(before).toMatchObject({ code: 2, stderr: '' });
    expect(before.stdout).toMatch(/^database +postgres +degraded +\d+\.\d ms +\d+\.\d+ +primary$/m);
    expect(before.stdout).toMatch(/^database: MIGRATION_PENDING: the schema millrace is not there\n {2}way out: Run `millrace migrate`/m);
    expect(before.stdout).toMatch(
      /^events: TOPOLOGY_DIFFERS: 1 object is not as declared: events\/group\/.*\n {2}way out: Run `millrace apply --check/m,
    );
    expect((await runCli(['migrate'], env)).code).toBe(0);
    expect((await runCli(['apply', '--only', 'events'], env)).code).toBe(0);
    const { code, stdout, stderr } = await runCli(['doctor'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^SERVICE +KIND +STATUS +LATENCY +VERSION +STATE$/),
      expect.stringMatching(/^database +postgres +well +\d+\.\d ms +\d+\.\d+ +primary, schema \d+$/),
      expect.stringMatching(/^events +redis +well +\d+\.\d ms +\d+\.\d+\.\d+ +master$/),
      '',
      expect.stringMatching(/^wrapped: 2 services, all well \(\d+\.\d s\)$/),
      '',
    ]);
  });

  test('--json prints a document of its schema, of the services that --only names', async () => {
    const { code, document } = await asJson(['--only', 'events']);
    expect(code).toBe(0);
    expect(document).toMatchObject({ environment: 'wrapped', status: 'well', problems: [] });
    expect(document.services).toEqual([
      {
        ...{ service: 'events', kind: 'redis', role: 'events', status: 'well', state: 'master', problems: [] },
        ...{ latencyMs: expect.any(Number), version: expect.stringMatching(/^\d+\./), elapsedMs: expect.any(Number) },
      },
    ]);
  });

  test.each([
    ['there is no binding', [], {}, /BINDING_INVALID: no binding found/],
    ['--only names no service', ['--only', 'evnts'], undefined, /BINDING_NAME_UNKNOWN: .*did you mean events/],
    ['--timeout is no time', ['--timeout', '0'], undefined, /must be a number of seconds/],
  ])('ends with 1 when %s', async (_, args, of, message) => {
    expect(await runCli(['doctor', ...args], of ?? env)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
  });

  test('ends with 1 when AWS credentials are missing here, and tells of the other services', async () => {
    const of = changed('iam', ({ services }) => {
      const iam = { region: 'eu-central-1', service: 'elasticache', resourceName: 'events' };
      services.cache = { ...services.events!, role: 'cache', auth: { mode: 'iam', username: 'app' }, tls: {}, iam };
    });
    const { code, document } = await asJson(['--timeout', '6'], { ...of, AWS_EC2_METADATA_DISABLED: 'true' });
    expect(code).toBe(1);
    expect(document.status).toBe('unseen');
    expect(document.services.map(({ service, status }) => [service, status])).toEqual([
      ['cache', 'unseen'],
      ['database', 'well'],
      ['events', 'well'],
    ]);
    expect(codesOf(document.services[0]!)).toEqual(['AWS_CREDENTIALS_UNAVAILABLE']);
  });

  test('a topology of another generation is a problem of the environment, and keeps no service from being examined', async () => {
    const of = changed('stale', (document) => {
      document.topology!.hash = 'f'.repeat(64);
    });
    const { code, document } = await asJson([], of);
    expect(code).toBe(2);
    expect(document.problems).toEqual([
      expect.objectContaining({ code: 'BINDING_INVALID', sentence: expect.stringContaining('has hash') }),
    ]);
    expect(document.services.map(({ status }) => status)).toEqual(['well', 'well']);
  });

  test('a migration that is missing is named', async () => {
    const admin = await plainPostgres(env);
    await admin.query(
      'create table kept as select * from millrace.migration where version = (select max(version) from millrace.migration)',
    );
    await admin.query('delete from millrace.migration where version in (select version from kept)');
    const { document } = await asJson(['--only', 'database']);
    await admin.query('insert into millrace.migration select * from kept');
    await admin.end();
    expect(document.services[0]!.problems).toEqual([
      expect.objectContaining({
        code: 'MIGRATION_PENDING',
        sentence: expect.stringMatching(/^migration \d+ of the schema millrace is not applied$/),
      }),
    ]);
  });

  test('no secret is in what it prints, whatever fails', async () => {
    const of = { ...env, TEST_DATABASE_PASSWORD: 'not-to-be-told', TEST_REDIS_PASSWORD: 'nor-is-this' };
    const { code, stdout, stderr } = await runCli(['doctor'], of);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^database: CONNECTION_REFUSED_CREDENTIALS/m);
    expect(stdout).toMatch(/^events: CONNECTION_REFUSED_CREDENTIALS/m);
    expect(stdout + stderr).not.toMatch(/not-to-be-told|nor-is-this/);
  });
});

async function plainPostgres(env: Record<string, string>) {
  const { Client } = await import('pg');
  const { endpoints, database, auth } = bindingSchema.parse(JSON.parse(readFileSync(env.MILLRACE_BINDING!, 'utf8'))).services.database!;
  const { host, port } = endpoints[0]!;
  const admin = new Client({ host, port, database: database!, user: auth.username!, password: env.TEST_DATABASE_PASSWORD! });
  await admin.connect();
  return admin;
}

describe('a way that leads nowhere', () => {
  test.each([
    ['a name that nobody knows', () => at('events.invalid', 6379), 'ENDPOINT_UNRESOLVED'],
    ['a port at which nothing listens', async () => at('127.0.0.1', await freePorts(1)), 'ENDPOINT_REFUSED'],
    ['a server of another kind', () => at(postgres.host, postgres.port), 'ENDPOINT_OTHER_KIND'],
    ['TLS that the binding does not know of', () => at(secure.host, secure.port), 'ENDPOINT_WANTS_TLS'],
    ['a secret that is not there', () => secretAt('nowhere/password'), 'SECRET_UNAVAILABLE'],
  ] as const)('%s is told as such, with a way out', async (_, change, code) => {
    const found = await examine(redisHandle(redis, redis.password), await change(), 3_000);
    expect(found).toMatchObject({ status: 'down', problems: [{ code, severity: 'down', wayOut: expect.stringMatching(/\w.*\.$/) }] });
    expect(canonicalJson(found)).not.toContain(redis.password);
  });

  test('plain text where the binding asks for TLS', async () => {
    const found = await examine(redisHandle({ ...redis, caFile: secure.caFile! }, redis.password), {}, 3_000);
    expect(codesOf(found)).toEqual(['ENDPOINT_WITHOUT_TLS']);
  });

  test('a certificate of an authority that the binding does not name', async () => {
    const found = await examine(redisHandle({ ...secure, caFile: stranger.caFile }, secure.password));
    expect(found.problems).toEqual([
      expect.objectContaining({ code: 'CONNECTION_TLS_FAILED', wayOut: expect.stringContaining('`tls.caRef` of events') }),
    ]);
  });

  test('a certificate for another name', async () => {
    const handle = redisHandle(secure, secure.password);
    const found = await examine(handle, { tls: { ...handle.service.tls, serverName: 'elsewhere.example' } });
    expect(found.problems).toEqual([
      expect.objectContaining({ code: 'CONNECTION_TLS_FAILED', wayOut: expect.stringContaining('`tls.serverName`') }),
    ]);
  });

  test('a server that hangs, within the time that is given, while another is examined', async () => {
    const binding = { ...wrap({ cache: redisHandle(redis, '').service, events: redisHandle(redis, '').service }) };
    const handles: Record<string, ServiceHandle> = {
      cache: redisHandle(secure, secure.password),
      events: redisHandle(redis, redis.password),
    };
    const both = { ...binding, service: (name: string) => ({ ...handles[name]!, name }) };
    await redis.pause();
    try {
      const { services, elapsedMs } = await examineServices({ binding: both, timeoutMs: 3_000 });
      expect(services.map(({ status }) => status)).toEqual(['well', 'down']);
      expect(codesOf(services[1]!)).toEqual(['ENDPOINT_SILENT']);
      expect(services[0]!.elapsedMs).toBeLessThan(services[1]!.elapsedMs);
      expect(elapsedMs).toBeLessThan(5_000);
    } finally {
      await redis.resume();
    }
  });
});

describe('Redis', () => {
  test('one that may evict is told where streams are on it, and not where it is a cache', async () => {
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const handle = redisHandle(redis, redis.password);
    const [streams, cache] = [await examine(handle), await examine(handle, { role: 'cache' })];
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    expect(streams).toMatchObject({ status: 'down', state: 'master', problems: [{ code: 'REDIS_EVICTS' }] });
    expect(cache).toMatchObject({ status: 'well', problems: [] });
  });

  test('a replica where a master should be', async () => {
    await client.replicaof(secure.host, secure.port);
    const found = await examine(redisHandle(redis, redis.password), {}, 3_000);
    await client.replicaof('NO', 'ONE');
    expect(found).toMatchObject({ status: 'down', problems: [{ code: 'REDIS_NOT_MASTER' }] });
  });

  test('a replica that is missing is named', async () => {
    const handle = redisHandle(redis, redis.password);
    const port = await freePorts(1);
    const found = await examine(handle, { endpoints: [...handle.service.endpoints, { purpose: 'reader', host: '127.0.0.1', port }] });
    expect(found.status).toBe('degraded');
    expect(found.problems.map(({ code, sentence }) => [code, sentence])).toEqual([
      ['REDIS_REPLICA_MISSING', '0 of at least 1 replicas are in touch'],
      ['ENDPOINT_REFUSED', expect.stringContaining(`127.0.0.1:${port}`)],
    ]);
  });
});

describe('a Sentinel set', () => {
  let set: TestSentinel;
  beforeAll(async () => {
    set = await startTestSentinel({ downAfterMs: 60_000 });
  }, 60_000);
  afterAll(() => set?.stop());

  test('no sentinel watches a set of that name', async () => {
    const found = await examine(sentinelHandle(set), { masterName: 'other' }, 3_000);
    expect(found).toMatchObject({
      status: 'down',
      problems: [{ code: 'SENTINEL_SET_UNKNOWN', wayOut: expect.stringContaining('`masterName` of events') }],
    });
  });

  test('is well; then a sentinel is missing, then the majority of them', async () => {
    const handle = sentinelHandle(set);
    expect(await examine(handle)).toMatchObject({ status: 'well', state: 'master, 2 replicas, 3 of 3 sentinels', problems: [] });
    await set.sentinelServers[0]!.kill();
    expect(codesOf(await examine(handle))).toEqual(['SENTINEL_MISSING']);
    await set.sentinelServers[1]!.kill();
    const found = await examine(handle);
    expect([found.status, codesOf(found)]).toEqual(['degraded', ['SENTINEL_MISSING', 'SENTINEL_MISSING', 'SENTINEL_NO_QUORUM']]);
  });
});

describe('PostgreSQL', () => {
  test('a standby where a primary should be', async () => {
    const standby = await startTestPostgres({ standbyOf: postgres });
    const found = await examine(postgresHandle(standby)).finally(standby.stop);
    expect(found).toMatchObject({ status: 'down', state: 'standby in recovery', problems: [{ code: 'POSTGRES_NOT_PRIMARY' }] });
  });

  test.each([
    ['a database that is not there', { database: 'nowhere' }, 'CONNECTION_FAILED'],
    [
      'a user that is not there',
      { auth: { mode: 'password', username: 'nobody', secretRef: { from: 'env', id: 'POSTGRES_PASSWORD' } } },
      'CONNECTION_REFUSED_CREDENTIALS',
    ],
  ] as const)('%s', async (_, change, code) => {
    expect(codesOf(await examine(postgresHandle(postgres), change))).toEqual([code]);
  });

  test('a clock that goes wrong', async () => {
    const { database } = await postgres.createDatabase();
    const admin = await plainTo(postgres, database);
    await admin.query(`create schema late;
      create function late.clock_timestamp() returns timestamptz language sql as 'select pg_catalog.clock_timestamp() - interval ''1 minute''';
      alter database "${database}" set search_path = late, pg_catalog, public;`);
    await admin.end();
    const found = await examine(postgresHandle(postgres, { database }));
    expect(found.problems).toEqual([
      expect.objectContaining({
        code: 'CLOCK_SKEWED',
        severity: 'degraded',
        sentence: expect.stringMatching(/^its clock is (59|60) s behind the clock here$/),
      }),
    ]);
  });
});

async function plainTo({ host, port, user, password }: TestPostgres, database: string) {
  const { Client } = await import('pg');
  const admin = new Client({ host, port, user, password, database });
  await admin.connect();
  return admin;
}

describe('RabbitMQ', () => {
  let rabbit: TestRabbit;
  beforeAll(async () => {
    rabbit = await startTestRabbit({ settings: { collect_statistics_interval: '1000' } });
  }, 60_000);
  afterAll(() => rabbit?.stop());

  test('is well', async () => {
    // A node that has just started tells nothing of itself for some seconds.
    const found = await eventually(
      async () => {
        const report = await examine(rabbit.handle());
        return report.status === 'well' && report;
      },
      { what: 'it is well', timeoutMs: 20_000 },
    );
    expect(found).toMatchObject({ state: '1 node', version: expect.stringMatching(/^\d+\.\d+/), latencyMs: expect.any(Number) });
  });

  test.each([
    ['a wrong password', () => rabbit.handle({ password: 'wrong' }), {}, 'CONNECTION_REFUSED_CREDENTIALS'],
    ['another authority', () => rabbit.handle({ ca: stranger.ca }), {}, 'CONNECTION_TLS_FAILED'],
    ['a virtual host that is not there', () => rabbit.handle(), { vhost: 'nowhere' }, 'ACCESS_DENIED'],
  ])('%s', async (_, handle, change, code) => {
    expect(codesOf(await examine(handle(), change))).toEqual([code]);
  });

  test('a memory alarm, by the nodes and where no management interface is bound by the connection', async () => {
    await rabbit.ctl('set_vm_memory_high_watermark', '0.00001');
    try {
      const found = await eventually(
        async () => {
          const report = await examine(rabbit.handle());
          return report.status === 'down' && report;
        },
        { what: 'the nodes tell of the alarm', timeoutMs: 20_000 },
      );
      expect(found.problems).toEqual([
        expect.objectContaining({ code: 'RABBITMQ_ALARM', severity: 'down', sentence: expect.stringContaining('short of memory') }),
      ]);
      const { endpoints } = rabbit.handle().service;
      const amqp = { endpoints: endpoints.filter(({ purpose }) => purpose === 'primary') };
      expect(codesOf(await examine(rabbit.handle(), amqp))).toEqual(['BROKER_BLOCKED']);
    } finally {
      await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    }
  });
});
