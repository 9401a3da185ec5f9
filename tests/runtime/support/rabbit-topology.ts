import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request as askUpstream, createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectRabbit, type RabbitConnection } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Change, Comparison, Driver } from '../../../runtime/src/topology/driver.ts';
import { openRabbitDriver } from '../../../runtime/src/topology/drivers/rabbitmq/index.ts';
import type { TestRabbit } from '../../support/servers.ts';

export interface BrokerChange {
  readonly vhost?: string;
  readonly managementPorts?: readonly number[];
  readonly username?: string;
  readonly ca?: string;
  /** Variables that the secrets are read from; a test may change `PASSWORD` afterwards. */
  readonly env?: Record<string, string>;
}

/** The binding's service for `server`, led elsewhere as `change` says. */
export function brokerHandle(server: TestRabbit, change: BrokerChange = {}): ServiceHandle {
  const { service } = server.handle();
  const env = change.env ?? {};
  env.PASSWORD ??= server.password;
  env.CA ??= change.ca ?? server.ca;
  const { host } = server;
  const ports = change.managementPorts ?? [server.managementPort];
  return wrap(
    {
      tasks: {
        ...service,
        vhost: change.vhost ?? '/',
        endpoints: [
          ...service.endpoints.filter(({ purpose }) => purpose !== 'management'),
          ...ports.map((port) => ({ purpose: 'management', host, port }) as const),
        ],
        tls: { caRef: { from: 'env', id: 'CA' } },
        auth: { mode: 'password', username: change.username ?? server.username, secretRef: { from: 'env', id: 'PASSWORD' } },
      },
    },
    { env },
  ).service('tasks');
}

/** A virtual host of a test's own, with what is declared for it. */
export interface Broker extends AsyncDisposable {
  readonly vhost: string;
  readonly handle: ServiceHandle;
  /** For what a person does by hand. */
  readonly connection: RabbitConnection;
  /** A driver for what is declared now; closed with the broker. */
  driver(declaration: TopologyInput, signal?: AbortSignal): Promise<Driver>;
  /** Compares and carries every change out, those that are dangerous as well, but nothing that is undeclared. @returns what was carried out */
  apply(declaration: TopologyInput): Promise<readonly Change[]>;
  compare(declaration: TopologyInput): Promise<Comparison>;
  /** Messages that are ready. */
  ready(queue: string): Promise<number>;
  publish(queue: string, count: number): Promise<void>;
}

export async function openBroker(server: TestRabbit): Promise<Broker> {
  const vhost = `test-${randomBytes(4).toString('hex')}`;
  const root = managementOf(brokerHandle(server));
  const path = `/vhosts/${vhost}`;
  await root.ask({ method: 'PUT', path, body: {} });
  const everything = { configure: '.*', write: '.*', read: '.*' };
  await root.ask({ method: 'PUT', path: `/permissions/${vhost}/${server.username}`, body: everything });
  const handle = brokerHandle(server, { vhost });
  const connection = await connectRabbit(handle, { name: 'test' });
  const drivers: Driver[] = [];
  const driver = async (declaration: TopologyInput, signal = new AbortController().signal) => {
    const opened = await openRabbitDriver({ service: handle, topology: parsed(declaration), signal });
    drivers.push(opened);
    return opened;
  };
  return {
    ...{ vhost, handle, connection, driver },
    apply: async (declaration) => applyAll(await driver(declaration)),
    compare: async (declaration) => (await driver(declaration)).compare(),
    async ready(queue) {
      const channel = await connection.openChannel();
      const { messageCount } = await channel.checkQueue(queue);
      await channel.close();
      return messageCount;
    },
    async publish(queue, count) {
      const publisher = await connection.openPublisher();
      await Promise.all(Array.from({ length: count }, () => publisher.publish('', queue, Buffer.from('{}'))));
      await publisher.close();
    },
    async [Symbol.asyncDispose]() {
      for (const each of drivers) await each[Symbol.asyncDispose]();
      await connection.close();
      await root.ask({ method: 'DELETE', path });
      await root[Symbol.asyncDispose]();
    },
  };
}

/** Compares and carries out what is declared. */
export async function applyAll(driver: Driver): Promise<readonly Change[]> {
  const { changes } = await driver.compare();
  const own = changes.filter(({ undeclared }) => undeclared !== true);
  for (const change of own) await driver.apply(change);
  return own;
}

export function parsed(declaration: TopologyInput): Topology {
  return topologySchema.parse(declaration);
}

/** The management interface, until it has carried out `mutations` changes: the answer to the last of them is lost, and so is everything after it. */
export async function startDyingFront(
  server: TestRabbit,
  certificate: { readonly cert: string; readonly key: string },
  mutations: number,
): Promise<{ readonly port: number; readonly seen: readonly string[]; close(): Promise<void> }> {
  const seen: string[] = [];
  let dead = false;
  const front = createServer(certificate, (incoming, outgoing) => {
    if (dead) return void incoming.socket.destroy();
    const { method = 'GET', url = '/' } = incoming;
    const last = method !== 'GET' && seen.push(`${method} ${url}`) === mutations;
    if (last) dead = true;
    passOn(server, incoming, (answer) => {
      if (last) return void incoming.socket.destroy();
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
  });
  return { ...(await listening(front)), seen };
}

function passOn(server: TestRabbit, incoming: IncomingMessage, onAnswer: (answer: IncomingMessage) => void): void {
  const { method, url, headers } = incoming;
  const options = { host: server.host, port: server.managementPort, ca: server.ca, method, path: url, headers };
  const upstream = askUpstream(options, onAnswer);
  upstream.on('error', () => incoming.socket.destroy());
  incoming.pipe(upstream);
}

async function listening(front: Server): Promise<{ readonly port: number; close(): Promise<void> }> {
  await new Promise<void>((resolve) => {
    front.listen(0, '127.0.0.1', resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      front.close(() => resolve());
      front.closeAllConnections();
    });
  return { port: (front.address() as AddressInfo).port, close };
}

/** The management interface, with connections that break as soon as they are used a second time, as those do that a server has closed meanwhile. */
export async function startForgetfulFront(
  server: TestRabbit,
  certificate: { readonly cert: string; readonly key: string },
): Promise<{ readonly port: number; readonly broken: () => number; close(): Promise<void> }> {
  const used = new WeakSet<object>();
  let broken = 0;
  const front = createServer(certificate, (incoming, outgoing) => {
    if (used.has(incoming.socket)) {
      broken += 1;
      return void incoming.socket.destroy();
    }
    used.add(incoming.socket);
    passOn(server, incoming, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
  });
  return { ...(await listening(front)), broken: () => broken };
}
