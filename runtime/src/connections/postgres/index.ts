import { setTimeout as delay } from 'node:timers/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type * as Pg from 'pg';
import type { ServiceHandle } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { endpointsFor, hostsOf, requireAuthMode, requireKind } from '../endpoints.ts';
import { apart } from '../listener.ts';
import { once, settledWithin } from '../once.ts';
import { loadPeer } from '../peer.ts';
import { type TlsOptions, tlsOptions } from '../tls.ts';
import { socketOf } from './end-client.ts';
import { postgresError } from './errors.ts';
import { type RotatingSecret, rotatingSecret, unlessRefused } from './rotating-secret.ts';

export { postgresError } from './errors.ts';

/** Options of `connectPostgres`. */
export interface PostgresConnectOptions {
  /** `application_name`, shown by `pg_stat_activity`. @default 'millrace' */
  readonly name?: string;
  /** Size of the pool. @default 10 */
  readonly maxConnections?: number;
  /** Time allowed for a connection: a new one, or a free one of the pool. @default 5_000 */
  readonly connectTimeoutMs?: number;
  /** `statement_timeout` of every session; 0 sends none, as poolers such as PgBouncer require. @default 30_000 */
  readonly statementTimeoutMs?: number;
  /** `idle_in_transaction_session_timeout` of every session; 0 sends none. @default 60_000 */
  readonly idleInTransactionTimeoutMs?: number;
  /** Time an unused connection of the pool is kept. @default 30_000 */
  readonly idleTimeoutMs?: number;
  /** Time that statements of the pool get to finish in `close()`; twice that when others wait for a connection. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** Told of errors on idle connections; statements get theirs themselves. @default nothing is told */
  readonly onError?: (error: Error) => void;
}

type ResolvedPostgresOptions = Required<Omit<PostgresConnectOptions, 'onError'>> & Pick<PostgresConnectOptions, 'onError'>;

/** An open pool; `close()` is idempotent and bounded by `closeTimeoutMs`. */
export interface PostgresConnection extends AsyncDisposable {
  /** Name of the service in the binding. */
  readonly name: string;
  readonly pool: Pg.Pool;
  /**
   * A connection outside the pool, for a session that lasts (a relay, a lock). The caller ends it; `close()` ends it at the latest, and cuts its statement.
   *
   * @param name `application_name`. @default that of the connection
   * @throws {MillraceError} CONNECTION_FAILED, CONNECTION_REFUSED_CREDENTIALS, CONNECTION_CLOSED
   */
  openClient(name?: string): Promise<Pg.Client>;
  close(): Promise<void>;
}

/**
 * Opens a bounded pool on the PostgreSQL primary of `handle`, after one connection has proven that it can be reached.
 *
 * Statements reject with the errors of `pg`; `postgresError` tells those of the connection from those of the statement. The secret is read again for
 * every new connection, so that a rotated password needs no restart; where a store keeps it (AWS Secrets Manager), the pool may be refused once before.
 *
 * @throws {MillraceError} CONNECTION_FAILED when the server does not answer in time; CONNECTION_REFUSED_CREDENTIALS on a wrong password;
 * CONNECTION_TLS_FAILED on a certificate that has expired, is for another host or of an unknown authority;
 * CLIENT_NOT_INSTALLED without `pg`; SECRET_UNAVAILABLE when the password cannot be read.
 * @example
 * await using database = await connectPostgres(binding.service('database', 'postgres'), { name: 'orders' });
 * await database.pool.query('select 1');
 */
export async function connectPostgres(handle: ServiceHandle, options: PostgresConnectOptions = {}): Promise<PostgresConnection> {
  requireKind(handle, 'connectPostgres', 'postgres');
  requireAuthMode(handle, 'none', 'password', 'scram');
  const settings = resolvePostgresOptions(options);
  const secret = rotatingSecret(handle);
  const [pg, config] = await Promise.all([loadPeer('pg', () => import('pg')), clientConfig(handle, settings, secret)]);
  const where = `postgres service ${handle.name} (${hostsOf(endpointsFor(handle, 'primary', 'node'))}/${config.database})`;
  const connection = openPool(pg, config, settings, where, secret);
  try {
    await unlessRefused(async () => (await connection.pool.connect()).release(), where);
  } catch (error) {
    await connection.close();
    throw postgresError(error, where);
  }
  return { name: handle.name, ...connection, [Symbol.asyncDispose]: connection.close };
}

function resolvePostgresOptions(options: PostgresConnectOptions): ResolvedPostgresOptions {
  return {
    name: options.name ?? 'millrace',
    maxConnections: options.maxConnections ?? 10,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    ...(options.onError && { onError: apart(options.onError) }),
  };
}

async function clientConfig(
  handle: ServiceHandle,
  settings: ResolvedPostgresOptions,
  secret: RotatingSecret | undefined,
): Promise<Pg.ClientConfig & { database: string }> {
  const { auth, database } = handle.service;
  const [endpoint] = endpointsFor(handle, 'primary', 'node');
  const { username } = auth;
  if (database === undefined || username === undefined) {
    const missing = database === undefined ? 'database' : 'auth.username';
    throw new MillraceError('BINDING_INVALID', `service ${handle.name} is of kind postgres and has no ${missing}; add it to the binding`);
  }
  const tls = await tlsOptions(handle);
  // Before a connection waits for it: `pg` leaves that open until the server's patience ends, a minute later.
  if (auth.secretRef !== undefined) await handle.secret(auth.secretRef);
  return {
    host: endpoint.host,
    port: endpoint.port,
    database,
    user: username,
    ...(secret && { password: secret.read }),
    ...(tls && { ssl: sslOptions(endpoint.host, tls) }),
    application_name: settings.name,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // The server cancels first; the client gives up 2 s later, when the connection is dead and the server's word does not arrive.
    ...(settings.statementTimeoutMs > 0 && {
      statement_timeout: settings.statementTimeoutMs,
      query_timeout: settings.statementTimeoutMs + 2_000,
    }),
    ...(settings.idleInTransactionTimeoutMs > 0 && { idle_in_transaction_session_timeout: settings.idleInTransactionTimeoutMs }),
  };
}

/**
 * `pg` 8.16 names no host when it is an address, and Node would check the certificate for `localhost`; and every version puts the host in place of
 * `servername`, so that another name is checked here.
 */
function sslOptions(host: string, tls: TlsOptions): Pg.ClientConfig['ssl'] {
  const { servername = host } = tls;
  return {
    host,
    ...tls,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(servername, certificate),
  };
}

function openPool(
  pg: typeof Pg,
  config: Pg.ClientConfig,
  settings: ResolvedPostgresOptions,
  where: string,
  secret: RotatingSecret | undefined,
): Pick<PostgresConnection, 'pool' | 'openClient' | 'close'> {
  const report = (error: unknown): void => settings.onError?.(postgresError(error, where));
  const pool = new pg.Pool({ ...config, max: settings.maxConnections, idleTimeoutMillis: settings.idleTimeoutMs });
  const pooled = new Set<Pg.PoolClient>();
  const dedicated = new Set<Pg.Client>();
  let closed = false;
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', report);
  pool.on('connect', (client) => {
    secret?.accepted();
    pooled.add(client);
    client.on('error', report); // the pool listens to idle clients only
  });
  pool.on('remove', (client) => pooled.delete(client));
  return {
    pool,
    openClient: (name = settings.name) =>
      unlessRefused(async () => {
        if (closed) throw new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
        const client = new pg.Client({ ...config, application_name: name });
        client.on('error', report);
        await connectWithin(dedicated, client, where);
        secret?.accepted();
        return client;
      }, where),
    close: once(async () => {
      closed = true;
      await waitersServed(pool, performance.now() + settings.closeTimeoutMs);
      const ended = Promise.all([pool.end(), ...[...dedicated].map((client) => client.end())]);
      if (await settledWithin(ended, settings.closeTimeoutMs)) return;
      for (const client of [...pooled, ...dedicated]) socketOf(client)?.destroy();
    }),
  };
}

/** Keeps the client in `dedicated` while it is open. */
async function connectWithin(dedicated: Set<Pg.Client>, client: Pg.Client, where: string): Promise<void> {
  client.once('end', () => dedicated.delete(client));
  dedicated.add(client);
  try {
    await client.connect();
  } catch (error) {
    dedicated.delete(client);
    socketOf(client)?.destroy();
    throw postgresError(error, where);
  }
}

/** A pool that is told to end forgets who waits for a connection and lets them run into their timeout. */
async function waitersServed(pool: Pg.Pool, deadline: number): Promise<void> {
  do await delay(pool.waitingCount > 0 ? 10 : 0);
  while (pool.waitingCount > 0 && performance.now() < deadline);
}
