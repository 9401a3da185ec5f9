import type * as Ioredis from 'ioredis';
import { MillraceError } from '../../contracts/errors.ts';
import { backoffMs } from '../backoff.ts';
import { tlsFailure } from '../tls-errors.ts';
import { type ConnectorClass, type Info, serverName } from './connectors.ts';
import { replyCode } from './errors.ts';
import { fingerprint, type Supervisor } from './supervisor.ts';

type Address = NonNullable<Ioredis.RedisOptions['sentinels']>[number];

/** With what ioredis keeps to itself: no option of it tells each server the name that it is reached under. */
type Connector = new (
  options: unknown,
) => InstanceType<ConnectorClass> & {
  readonly options: Ioredis.RedisOptions;
  check(info: Info): boolean;
  connectToSentinel(sentinel: Address, options?: Ioredis.RedisOptions): Ioredis.Redis;
  connect(emit: (type: string, error: Error) => void): ReturnType<InstanceType<ConnectorClass>['connect']>;
  resolve(sentinel: Address): Promise<Master | null>;
};

interface Master {
  readonly host: string;
  readonly port: number;
}

/** The master that a client was led to last: in the words of the sentinels, an address or a name, unless the binding says where that is reached. */
const named = new WeakMap<Ioredis.RedisOptions, Master>();

/** As `standaloneConnector`, for the master that the sentinels name. */
export function sentinelConnector({ SentinelConnector }: typeof Ioredis, accept: (info: Info) => boolean): ConnectorClass {
  const Connector = SentinelConnector as unknown as Connector;
  return class extends Connector {
    override check(info: Info): boolean {
      return super.check(info) && accept(info);
    }
    override connectToSentinel(sentinel: Address, options?: Ioredis.RedisOptions): Ioredis.Redis {
      return super.connectToSentinel(sentinel, { ...options, ...sentinelTls(this.options, sentinel) });
    }
    override async resolve(sentinel: Address) {
      const master = await super.resolve(sentinel);
      if (master !== null) named.set(this.options, master);
      return master && { ...master, ...serverName(master.host) };
    }
  };
}

/** Connections to the sentinels of a master set, kept beside the one to the master. */
export interface FailoverWatch {
  close(): void;
}

/**
 * Drops the connection of `client` as soon as a sentinel announces another master, so that it is looked up again.
 *
 * Without it a master that hangs while its TCP connection stays open is noticed by the silence of the socket only. It stands in for `failoverDetector` of
 * ioredis 6.0, which reacts to the fail-over of any master set, prints every failed connection to a sentinel on stderr (it has no error listener), and ends
 * the client for good when the notice arrives in the middle of an attempt to connect.
 */
export function watchFailover(ioredis: typeof Ioredis, client: Ioredis.Redis, report: (error: Error) => void): FailoverWatch {
  const { sentinels, name } = client.options;
  const watchers = (sentinels ?? []).map((address) => {
    const watcher = sentinelClient(ioredis, client.options, address, {
      retryStrategy: (attempt) => backoffMs(attempt, 10_000),
      maxRetriesPerRequest: null,
      keepAlive: 10_000,
    });
    watcher.on('error', report);
    // The main client is told of a rotated password and a renewed certificate.
    watcher.on('close', () => Object.assign(watcher.options, sentinelAccess(client.options, address)));
    watcher.on('message', (_channel: string, message: string) => {
      const [set, , , host, port] = message.split(' ');
      if (set === name && !leadsTo(client, host, port)) reconnect(client);
    });
    watcher.subscribe('+switch-master').catch(report);
    return watcher;
  });
  return {
    close() {
      for (const watcher of watchers) watcher.disconnect();
    },
  };
}

/** An attempt that is under way asks the sentinels anyway; only an established connection may be the wrong one. */
function reconnect(client: Ioredis.Redis): void {
  if (client.status === 'ready' || client.status === 'connect') client.disconnect(true);
}

function leadsTo({ options, status }: Ioredis.Redis, host: string | undefined, port: string | undefined): boolean {
  const master = named.get(options);
  const announced = reachedAt(options, { host: host ?? '', port: Number(port) });
  return status === 'ready' && master?.host === announced.host && master.port === announced.port;
}

/** Where the server is reached that sentinels call so. */
function reachedAt({ natMap }: Ioredis.RedisOptions, { host, port }: Master): Master {
  const key = `${host}:${port}`;
  return (typeof natMap === 'function' ? natMap(key) : natMap?.[key]) ?? { host, port };
}

/** Tells of sentinels that fail, and has what all of them refuse judged. */
export function superviseSentinels(ioredis: typeof Ioredis, client: Ioredis.Redis, where: string, { report, judge }: Supervisor): void {
  let probing = false;
  client.on('sentinelError', (error: Error) => {
    report(error);
    if (probing) return;
    probing = true;
    const shown = fingerprint(client.options);
    const judged = refusedBySentinels(ioredis, client.options, where).then((refusal) => refusal && judge(refusal, shown), report);
    judged.finally(() => {
      probing = false;
    });
  });
}

/**
 * Asks every sentinel whether it lets us in. ioredis tells of a failing sentinel in words only; this tells a refused password or a bad certificate, which
 * waiting does not mend, from a sentinel that is away.
 */
async function refusedBySentinels(
  ioredis: typeof Ioredis,
  options: Ioredis.RedisOptions,
  where: string,
): Promise<MillraceError | undefined> {
  const answers = await Promise.all((options.sentinels ?? []).map((address) => pingSentinel(ioredis, options, address)));
  if (answers.includes(undefined)) return undefined;
  return answers.some((error) => ['WRONGPASS', 'NOAUTH'].includes(replyCode(error) ?? ''))
    ? new MillraceError('CONNECTION_REFUSED_CREDENTIALS', `${where}: a sentinel refused the password; check auth.sentinelSecretRef`)
    : answers.map((error) => tlsFailure(error, where)).find((error) => error !== undefined);
}

/** The error of a sentinel's answer or of the way to it, undefined when it answered well. */
async function pingSentinel(ioredis: typeof Ioredis, options: Ioredis.RedisOptions, address: Address): Promise<unknown> {
  const client = sentinelClient(ioredis, options, address, { retryStrategy: null, maxRetriesPerRequest: 0, commandTimeout: 1_000 });
  try {
    return await new Promise<unknown>((resolve) => {
      client.once('error', resolve);
      client.ping().then(() => resolve(undefined), resolve);
    });
  } finally {
    client.disconnect();
  }
}

function sentinelAccess(options: Ioredis.RedisOptions, sentinel: Address): Pick<Ioredis.RedisOptions, 'password' | 'tls'> {
  const { sentinelPassword } = options;
  return { ...(sentinelPassword && { password: sentinelPassword }), ...sentinelTls(options, sentinel) };
}

function sentinelTls({ sentinelTLS }: Ioredis.RedisOptions, { host = '' }: Address): Pick<Ioredis.RedisOptions, 'tls'> {
  return sentinelTLS ? { tls: { ...serverName(host), ...sentinelTLS } } : {};
}

function sentinelClient(
  { Redis }: typeof Ioredis,
  options: Ioredis.RedisOptions,
  address: Address,
  behaviour: Ioredis.RedisOptions & { replyMapping?: never },
): Ioredis.Redis {
  const { host, port } = address;
  return new Redis({
    ...behaviour,
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...sentinelAccess(options, address),
    ...(options.connectionName && { connectionName: options.connectionName }),
    connectTimeout: 1_500,
    disconnectTimeout: 250,
    enableReadyCheck: false,
    lazyConnect: true,
    protocol: 2,
  });
}
