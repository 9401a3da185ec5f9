import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../servers/find/program.ts';
import { makePrivateFolder } from '../../servers/local-process/files.ts';
import { unprivilegedOwner } from '../../servers/local-process/owner.ts';
import { runToEnd } from '../../servers/local-process/run.ts';
import { type ClusterOptions, createCluster } from '../../servers/postgres/initdb.ts';
import { askPostgres, dataFolder, postgresProcess } from '../../servers/postgres/process.ts';
import { postgresProgram } from '../../servers/postgres/program.ts';
import type { ServerTls } from '../../servers/tls/server-tls.ts';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { testHost } from './test-redis.ts';
import { runTestServer, type TestProcess, type TestServer } from './test-server.ts';

/** A PostgreSQL server of a test's own. */
export interface TestPostgres extends TestProcess {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM file of the authority that signed its certificate, when it speaks TLS. */
  readonly caFile: string | undefined;
  readonly dataDir: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** A new, empty database on this server. */
  createDatabase(): Promise<{ url: string; database: string }>;
}

export interface TestPostgresOptions {
  /** Further lines of postgresql.conf. `fsync` is off unless it is set here: what is killed is the process, not the machine. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Become an asynchronous standby of this server instead of a new cluster; `select pg_promote()` makes it a primary. */
  readonly standbyOf?: TestPostgres;
  /** Speak TLS and nothing else over TCP; a `TestAuthority` is one. @default plain text */
  readonly tls?: ServerTls | undefined;
}

const user = 'postgres';
/** Every test cluster is a copy of one template, so all have its password. */
const password = 'only-for-tests';
const quick = { fsync: 'off', full_page_writes: 'off' };

/** Starts a PostgreSQL server on a free port, in its own folder. */
export async function startTestPostgres({ settings = {}, standbyOf, tls }: TestPostgresOptions = {}): Promise<TestPostgres> {
  const programs = requirePostgres();
  const folder = await testFolder('postgres');
  const dir = join(folder.path, 'server');
  const create = standbyOf === undefined ? copyTemplate : (options: ClusterOptions) => copyPrimary(standbyOf, options);
  return onFreePorts(folder, 1, async (port) => {
    const server = await runTestServer(
      postgresProcess({
        ...{ name: 'test-postgres', programs, dir, logFile: join(folder.path, 'log'), owner: owner(), user, password, create, tls },
        settings: {
          host: testHost,
          port,
          maxConnections: 100,
          memoryMiB: 32,
          maxPreparedTransactions: 20,
          settings: { ...quick, ...settings },
        },
      }),
    );
    return testPostgres(server, { port, caFile: tls?.caFile, dataDir: dataFolder(dir) }, folder.remove);
  });
}

function testPostgres(
  server: TestServer,
  { port, caFile, dataDir }: Pick<TestPostgres, 'port' | 'caFile' | 'dataDir'>,
  removeFiles: () => Promise<void>,
): TestPostgres {
  const address = { host: testHost, port, user, password, caFile };
  const urlOf = (database: string) => `postgres://${user}:${password}@${testHost}:${port}/${database}`;
  return {
    ...{ ...address, dataDir, database: 'postgres', url: urlOf('postgres') },
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await server.end();
      await removeFiles();
    },
    kill: server.kill,
    pause: () => signalFamily(server.pid, 'SIGSTOP'),
    resume: () => signalFamily(server.pid, 'SIGCONT'),
    restart: server.restart,
    createDatabase: async () => {
      const database = `test_${randomBytes(6).toString('hex')}`;
      await askPostgres(address, (client) => client.query(`create database ${database}`));
      return { url: urlOf(database), database };
    },
  };
}

/** Each session is a process of its own, a child of the server. */
async function signalFamily(pid: number, signal: NodeJS.Signals): Promise<void> {
  const children = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid && child !== undefined ? child : []));
  for (const member of [pid, ...children]) process.kill(member, signal);
}

function owner() {
  return unprivilegedOwner('postgres', 'nobody');
}

function requirePostgres(): string {
  const programs = findProgram(postgresProgram, process.env);
  if (programs === undefined) throw new Error(`tests need ${postgresProgram.title}: install ${postgresProgram.debianPackage}`);
  return programs;
}

/** Copying a cluster takes a tenth of the time that initdb takes. */
async function copyTemplate(options: ClusterOptions): Promise<void> {
  const template = await templateOf(options);
  await succeed({ ...options, program: 'cp', args: ['-Rp', template, options.data] });
}

/** The template of this user and this version of PostgreSQL; made once a machine, whoever comes first. */
async function templateOf(options: ClusterOptions): Promise<string> {
  const version = execFileSync(join(options.programs, 'postgres'), ['--version'], { encoding: 'utf8' }).replaceAll(/[^\w.]+/g, '-');
  const finished = join(tmpdir(), `millrace-test-template-${process.getuid?.() ?? 0}-${version}`);
  if (existsSync(join(finished, 'data'))) return join(finished, 'data');
  const draft = mkdtempSync(join(tmpdir(), 'millrace-test-template-'));
  makePrivateFolder(draft, options.owner);
  await createCluster({ ...options, dir: draft, data: join(draft, 'data') });
  try {
    renameSync(draft, finished);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return join(finished, 'data');
}

async function copyPrimary(primary: TestPostgres, options: ClusterOptions): Promise<void> {
  const args = ['-D', options.data, '-d', primary.url, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  await succeed({ ...options, program: join(options.programs, 'pg_basebackup'), args });
}

async function succeed({ program, args, ...options }: ClusterOptions & { program: string; args: string[] }): Promise<void> {
  const { name, dir, logFile, owner: runAs, signal } = options;
  const end = await runToEnd({ name, program, args, cwd: dir, logFile, owner: runAs }, signal);
  if (end.code !== 0) throw new Error(`${program} failed, see ${logFile}`);
}
