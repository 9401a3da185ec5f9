import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { Owner } from '../local-process/launch.ts';
import type { LocalServer } from '../local-process/start.ts';
import { type ServerTls, writeCertificate } from '../tls/server-tls.ts';
import { type PostgresSettings, renderPgHba, renderPostgresqlConf } from './config.ts';
import { type ClusterOptions, createCluster } from './initdb.ts';

export interface PostgresProcess {
  readonly name: string;
  /** Folder of the programs `postgres` and `initdb`. */
  readonly programs: string;
  /** Folder of the cluster and its socket; its parents must be open to `owner`. */
  readonly dir: string;
  readonly logFile: string;
  /** PostgreSQL refuses to run as root. */
  readonly owner?: Owner | undefined;
  readonly user: string;
  readonly password: string;
  readonly settings: Omit<PostgresSettings, 'listen' | 'socketDir' | 'tls'> & { readonly host: string };
  /** Let clients in over TLS alone. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** Fills the empty folder of a new cluster. @default initdb */
  readonly create?: (options: ClusterOptions) => Promise<void>;
}

/** A unix socket's path may have 107 bytes; PostgreSQL refuses to start with a longer one, so none is made then. */
const longestSocketFolder = 90;

/** One PostgreSQL server as a local process; its cluster is created when the folder has none. */
export function postgresProcess(server: PostgresProcess): LocalServer {
  const { name, programs, dir, logFile, owner, user, password, settings, tls } = server;
  const { host, ...rest } = settings;
  const data = dataFolder(dir);
  return {
    spec: { name, program: join(programs, 'postgres'), args: ['-D', data], cwd: dir, logFile, owner },
    // Fast shutdown: transactions are rolled back, the checkpoint is written; then immediate shutdown, which recovers at the next start.
    stop: [
      { signal: 'SIGINT', graceMs: 10_000 },
      { signal: 'SIGQUIT', graceMs: 3_000 },
    ],
    readyTimeoutMs: 60_000,
    async prepare(signal) {
      makePrivateFolder(dir, owner);
      if (!existsSync(data)) await create(server, signal);
      const files = tls === undefined ? undefined : await writeCertificate(dir, tls, owner);
      // Without `caFile`: it would be for certificates of clients, who come with a password.
      const ssl = files && { certFile: files.certFile, keyFile: files.keyFile };
      const conf = { ...rest, tls: ssl, listen: [host], socketDir: dir.length > longestSocketFolder ? undefined : dir };
      writePrivateFile(join(data, 'postgresql.conf'), renderPostgresqlConf(conf), owner);
      writePrivateFile(join(data, 'pg_hba.conf'), renderPgHba(conf), owner);
    },
    probe: () => askPostgres({ host, port: settings.port, user, password, caFile: tls?.caFile }, async () => undefined),
  };
}

/** The folder gets its name when it is complete: whatever ends this half-way, the next start does not take the rest for a cluster. */
async function create(server: PostgresProcess, signal: AbortSignal | undefined): Promise<void> {
  const draft = `${dataFolder(server.dir)}.new`;
  await (server.create ?? createCluster)({ ...server, data: draft, signal });
  renameSync(draft, dataFolder(server.dir));
}

/** Folder of the cluster itself, below the server's own. */
export function dataFolder(dir: string): string {
  return join(dir, 'data');
}

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
  /** @default postgres */
  readonly database?: string;
}

/** One short conversation with a PostgreSQL server; leaves no connection behind. */
export async function askPostgres<T>(address: PostgresAddress, ask: (client: Client) => Promise<T>): Promise<T> {
  const { caFile, ...rest } = address;
  const ssl = caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, 'utf8') } };
  const client = new Client({ database: 'postgres', connectionTimeoutMillis: 2_000, ...rest, ...ssl });
  // The server may end while the connection is idle; the conversation's next statement reports it.
  let lost: Error | undefined;
  client.on('error', (error) => {
    lost = error;
  });
  await client.connect();
  try {
    return await ask(client);
  } catch (error) {
    throw lost ?? error;
  } finally {
    await client.end();
  }
}

/** Creates the database unless it is there. */
export async function ensureDatabase(address: PostgresAddress, database: string): Promise<void> {
  await askPostgres(address, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`);
  });
}
