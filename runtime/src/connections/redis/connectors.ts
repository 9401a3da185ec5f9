import { createConnection, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type * as Ioredis from 'ioredis';
import { MillraceError } from '../../contracts/errors.ts';

export type Info = Readonly<Record<string, string | undefined>>;

/** What is wrong with the server that was reached, judged from its INFO before any command is let through. */
export type Verdict = (info: Info) => MillraceError | undefined;

/** Role and, for streams, eviction policy. INFO that the user may not read judges nothing but streams. */
export function verdictOn(where: string, forStreams: boolean): Verdict {
  return (info) => {
    if (info.role !== undefined && info.role !== 'master') {
      return new MillraceError('REDIS_NOT_MASTER', `${where} is a ${info.role === 'slave' ? 'replica' : info.role}, not a master`);
    }
    return forStreams ? evictionOf(where, info) : undefined;
  };
}

/** REDIS_EVICTS unless the server keeps every stream. */
export function evictionOf(where: string, info: Info): MillraceError | undefined {
  if (info.maxmemory_policy === 'noeviction') return undefined;
  if (info.maxmemory_policy === undefined) {
    return new MillraceError('REDIS_EVICTS', `${where} does not tell its maxmemory-policy; allow the user to run INFO (acl: +info)`);
  }
  return new MillraceError(
    'REDIS_EVICTS',
    `${where} has maxmemory-policy ${info.maxmemory_policy} and may evict streams; set it to noeviction or bind streams to another server`,
  );
}

/** The name to ask a server behind several names for (SNI): Node checks the certificate for the host, but does not tell the server of it. */
export function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

export type ConnectorClass = NonNullable<Ioredis.RedisOptions['Connector']>;

/**
 * A connector class whose `check` asks `accept` about the INFO that ioredis reads at every (re)connection. Returning false makes ioredis drop the
 * connection and come back later, so no command ever reaches a refused server, and a mended one is accepted without a restart.
 *
 * For one server, or each node of a cluster: `accept` is told which. `failed` gets what ended a line, of which ioredis says of a cluster only that it did,
 * and the certificates of that line.
 */
export function standaloneConnector(
  { AbstractConnector }: typeof Ioredis,
  accept: (info: Info, options: Ioredis.RedisOptions) => boolean,
  failed?: (error: Error, tls: Ioredis.RedisOptions['tls']) => void,
): ConnectorClass {
  return class extends AbstractConnector {
    readonly #options: Ioredis.RedisOptions;

    constructor(options: unknown) {
      super((options as Ioredis.RedisOptions).disconnectTimeout ?? 2_000);
      this.#options = options as Ioredis.RedisOptions;
    }
    override check(info: Info): boolean {
      return accept(info, this.#options);
    }
    async connect(): Promise<typeof this.stream> {
      const { host = '127.0.0.1', port = 6379, tls } = this.#options;
      this.connecting = true;
      this.stream = tls === undefined ? createConnection({ host, port }) : connectTls({ host, port, ...serverName(host), ...tls });
      this.stream.once('error', (error) => {
        this.firstError = error;
        failed?.(error, tls);
      });
      return this.stream;
    }
  };
}
