import { Pool } from 'pg';
import type { BoundService } from '../../../../runtime/src/contracts/binding.ts';
import { migrate } from '../../../../runtime/src/schema/migrate.ts';
import { eventually } from '../../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../../support/proxy.ts';
import { startTestPostgres, type TestPostgres } from '../../../support/servers.ts';

/** A PostgreSQL behind a proxy, which leads to another server after a fail-over. */
export interface DatabaseServer {
  readonly proxy: TestProxy;
  /** The server that the proxy leads to. */
  primary(): TestPostgres;
  /** Starts an asynchronous standby of the primary; its commits are lost from when `cut` is called, and it takes over with `promote`. */
  standby(): Promise<{ cut(): Promise<void>; promote(): Promise<void> }>;
  /** A new database with an outbox and the tables of the suite. */
  create(): Promise<Database>;
  stop(): Promise<void>;
}

/** One database of the server, reached through the proxy. */
export interface Database {
  readonly name: string;
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly pool: Pool;
  /** A statement that is repeated while the server is away. */
  rows<R>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

const schema = `
create table aggregate (key text primary key, n integer not null);
create table ledger (id uuid primary key, topic text, key text, n integer, tenant text, amount integer, kind text);
create table effect (position bigserial primary key, grp text, id uuid, amount integer)`;

export async function startDatabase(settings: Readonly<Record<string, string>> = {}): Promise<DatabaseServer> {
  const servers = [await startTestPostgres({ settings })];
  const target = { host: servers[0]!.host, port: servers[0]!.port };
  const proxy = await startProxy(target);
  const primary = (): TestPostgres => servers.at(-1)!;
  return {
    proxy,
    primary,
    async standby() {
      const old = primary();
      const next = await startTestPostgres({ standbyOf: old, settings });
      const sender = await ask(old, "select pid from pg_stat_replication where state = 'streaming'");
      return {
        cut: async () => void process.kill(Number(sender), 'SIGSTOP'),
        async promote() {
          await old.kill();
          process.kill(Number(sender), 'SIGKILL');
          await ask(next, 'select pg_promote()');
          servers.push(next);
          target.port = next.port;
          proxy.cut();
        },
      };
    },
    create: () => createDatabase(primary(), proxy),
    async stop() {
      await proxy.close();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** The one value that the statement gives, as soon as it does. */
async function ask({ url }: TestPostgres, sql: string): Promise<unknown> {
  const pool = new Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  try {
    const row = await eventually(async () => (await pool.query(sql)).rows[0] as object | undefined, { what: sql });
    return Object.values(row)[0];
  } finally {
    await pool.end();
  }
}

async function createDatabase(server: TestPostgres, proxy: TestProxy): Promise<Database> {
  const { database } = await server.createDatabase();
  const connectionString = `postgres://${server.user}:${server.password}@${proxy.host}:${proxy.port}/${database}`;
  const pool = new Pool({ connectionString, max: 4, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined);
  const client = await pool.connect();
  await migrate(client);
  await client.query(schema);
  client.release();
  const service: BoundService = {
    ...{ kind: 'postgres', role: 'database', database },
    endpoints: [{ purpose: 'primary', host: proxy.host, port: proxy.port }],
    auth: { mode: 'password', username: server.user, secretRef: { from: 'env', id: 'FAULTS_DATABASE_PASSWORD' } },
  };
  return {
    ...{ name: database, service, pool, env: { FAULTS_DATABASE_PASSWORD: server.password } },
    async rows<R>(sql: string, values: readonly unknown[] = []) {
      const attempt = async (): Promise<R[]> => (await pool.query(sql, [...values])).rows as R[];
      return eventually(attempt, { what: `the database answers ${sql.slice(0, 60)}`, timeoutMs: 30_000 });
    },
    close: () => pool.end(),
  };
}
