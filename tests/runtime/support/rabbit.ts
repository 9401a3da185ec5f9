import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectRabbit, type RabbitConnection, type RabbitConnectOptions } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { freePorts } from '../../support/ports.ts';
import type { TestRabbit } from '../../support/servers.ts';

export interface RabbitHandleChange {
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  readonly vhost?: string;
  readonly ca?: string;
  /** Variables that the secrets are read from; a test may change `RABBIT_PASSWORD` afterwards, as a rotation does. */
  readonly env?: Record<string, string>;
}

/** A handle of `server`, led elsewhere or with other secrets as `change` says. */
export function rabbitHandle(server: TestRabbit, change: RabbitHandleChange = {}): ServiceHandle {
  const env = change.env ?? {};
  env.RABBIT_PASSWORD = change.password ?? server.password;
  env.RABBIT_CA = change.ca ?? server.ca;
  const { service } = server.handle(change.port === undefined ? {} : { port: change.port });
  return wrap(
    {
      tasks: {
        ...service,
        vhost: change.vhost ?? server.vhost,
        tls: { caRef: { from: 'env', id: 'RABBIT_CA' } },
        auth: { mode: 'password', username: change.username ?? server.username, secretRef: { from: 'env', id: 'RABBIT_PASSWORD' } },
      },
    },
    { env },
  ).service('tasks');
}

/** Connections of one test, closed after it. */
export interface RabbitConnections {
  open(handle: ServiceHandle, options?: RabbitConnectOptions): Promise<RabbitConnection>;
  /** Closes something else after the test, too. */
  also(thing: { close(): Promise<void> }): void;
  closeAll(): Promise<void>;
}

export function rabbitConnections(): RabbitConnections {
  const opened: { close(): Promise<void> }[] = [];
  return {
    async open(handle, options) {
      const connection = await connectRabbit(handle, options);
      opened.push(connection);
      return connection;
    },
    also: (thing) => void opened.push(thing),
    async closeAll() {
      for (const thing of opened.splice(0).reverse()) await thing.close();
    },
  };
}

/** A queue name of a test's own. */
export function queueName(what: string): string {
  return `${what}-${randomBytes(4).toString('hex')}`;
}

/** What `work` was refused with. */
export async function refusalOf(work: Promise<unknown>): Promise<Error & { code?: unknown; retriable?: boolean }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
}

/** Names of the connections that the broker has. */
export async function connectionNames(server: TestRabbit): Promise<string[]> {
  return (await connectionRows(server)).map(({ name }) => name);
}

/** Channels that the broker has for the connections of this name. */
export async function channelCount(server: TestRabbit, name: string): Promise<number> {
  const rows = await connectionRows(server);
  return rows.filter((row) => row.name === name).reduce((sum, { channels }) => sum + channels, 0);
}

async function connectionRows(server: TestRabbit): Promise<{ name: string; channels: number }[]> {
  const rows = JSON.parse(await server.ctl('list_connections', 'channels', 'client_properties', '--formatter', 'json')) as {
    channels: number;
    client_properties: [string, string, string][];
  }[];
  return rows.map(({ channels, client_properties }) => ({
    channels,
    name: client_properties.find(([key]) => key === 'connection_name')?.[2] ?? '',
  }));
}

/** Speaks TLS with a certificate of its own in front of `server`, and passes on what comes after the handshake. */
export async function startTlsFront(
  server: { readonly host: string; readonly port: number },
  certificate: { readonly cert: string; readonly key: string },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const port = await freePorts();
  const sockets = new Set<Socket>();
  const front = createServer(certificate, (near) => {
    const far = connect(server.port, server.host);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  front.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    front.listen(port, '127.0.0.1', resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      front.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, close };
}
