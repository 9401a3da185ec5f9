/** Everything that postgresql.conf and pg_hba.conf say, whoever hosts the server. */
export interface PostgresSettings {
  /** Addresses to listen on. */
  readonly listen: readonly string[];
  readonly port: number;
  /** Folder of the unix socket; undefined for none. */
  readonly socketDir?: string | undefined;
  readonly maxConnections: number;
  /** Becomes shared_buffers. */
  readonly memoryMiB: number;
  /** @default replica */
  readonly walLevel?: 'replica' | 'logical';
  /** Transactions that may be prepared at once. @default 0 */
  readonly maxPreparedTransactions?: number;
  /** Clients that may connect over TCP, as CIDR. @default ['127.0.0.1/32'] */
  readonly clients?: readonly string[];
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string } | undefined;
  /** Further lines of postgresql.conf; one that stands here replaces the one of the same name above. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Enough for two-phase commits of a test or two; each slot costs a few hundred bytes. */
export const maxPreparedTransactions = 20;

/** postgresql.conf for `settings`. */
export function renderPostgresqlConf(settings: PostgresSettings): string {
  const lines = { ...ownLines(settings), ...settings.settings };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name} = ${quoted(value)}`)
    .join('\n')}\n`;
}

function ownLines(settings: PostgresSettings): Record<string, string> {
  const { listen, port, socketDir = '', maxConnections, memoryMiB, walLevel = 'replica', maxPreparedTransactions = 0, tls } = settings;
  return {
    listen_addresses: listen.join(','),
    port: String(port),
    unix_socket_directories: socketDir,
    max_connections: String(maxConnections),
    shared_buffers: `${memoryMiB}MB`,
    password_encryption: 'scram-sha-256',
    wal_level: walLevel,
    max_prepared_transactions: String(maxPreparedTransactions),
    // A vanished client must not hold its transaction, and with it every snapshot, for the two hours that TCP takes by default.
    tcp_keepalives_idle: '60',
    tcp_keepalives_interval: '10',
    tcp_keepalives_count: '3',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...(tls === undefined ? {} : { ssl: 'on', ssl_cert_file: tls.certFile, ssl_key_file: tls.keyFile }),
    ...(tls?.caFile === undefined ? {} : { ssl_ca_file: tls.caFile }),
  };
}

/** pg_hba.conf for `settings`: a password for everyone, from nowhere else than the clients named. */
export function renderPgHba({ clients = ['127.0.0.1/32'], tls }: PostgresSettings): string {
  const type = tls === undefined ? 'host' : 'hostssl';
  const rows = clients.flatMap((address) => [
    [type, 'all', 'all', address, 'scram-sha-256'],
    [type, 'replication', 'all', address, 'scram-sha-256'],
  ]);
  return `${[['local', 'all', 'all', 'scram-sha-256'], ...rows].map((row) => row.join(' ')).join('\n')}\n`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
