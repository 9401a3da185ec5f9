import type { Options } from 'amqplib';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { openTasks, type Tasks, type TasksOptions } from '../../../runtime/src/tasks/index.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { type Broker, openBroker, parsed } from './rabbit-topology.ts';

const service = 'tasks';
const deadLetterQueue = 'tasks.dlq';

/** A queue of every sort that tasks meet. */
export const taskTopology: TopologyInput = {
  queues: {
    emails: { service, ttlSeconds: 3_600, prefetch: 50, maxRetries: 5, deadLetterQueue },
    webhooks: { service, maxRetries: 2, deadLetterQueue },
    pdfs: { service, prefetch: 2, maxRetries: 5, deadLetterQueue },
    images: { service, type: 'classic', maxPriority: 5, prefetch: 5, deadLetterQueue },
    poison: { service, maxRetries: 1, deadLetterQueue },
    poison2: { service, type: 'classic', maxRetries: 1, deadLetterQueue },
    careless: { service, maxRetries: 1 },
    prices: { service, prefetch: 100 },
    stock: { service, prefetch: 100 },
    'tasks.dlq': { service },
  },
  exchanges: {
    notifications: { service, type: 'fanout' },
    events: { service, type: 'topic' },
    tasks: { service, type: 'direct' },
    documents: { service, type: 'headers' },
  },
  bindings: [
    { exchange: 'notifications', queue: 'emails' },
    { exchange: 'notifications', queue: 'webhooks' },
    { exchange: 'events', queue: 'pdfs', routingKey: 'orders.#' },
    { exchange: 'events', queue: 'images', routingKey: 'products.image.*' },
    { exchange: 'tasks', queue: 'webhooks', routingKey: 'webhooks' },
    { exchange: 'documents', queue: 'pdfs', headers: { format: 'pdf', kind: 'invoice' }, match: 'all' },
    { exchange: 'documents', queue: 'images', headers: { format: 'png', preview: 'yes' }, match: 'any' },
  ],
};

export interface TakenMessage {
  readonly content: Buffer;
  readonly properties: { readonly messageId: string; readonly headers: Readonly<Record<string, unknown>> };
}

/** The history in a dead letter. */
export function failuresOf({ headers }: TakenMessage['properties']): unknown {
  return JSON.parse(String(headers['x-millrace-failures']));
}

export interface TaskBroker {
  readonly server: TestRabbit;
  readonly broker: Broker;
  open(options?: Partial<TasksOptions>): Promise<Tasks>;
  /** As `open`, over a line that can be cut. */
  openThroughProxy(): Promise<{ readonly tasks: Tasks; readonly proxy: TestProxy }>;
  /** The next message of a queue, taken off it. */
  next(queue: string): Promise<TakenMessage | undefined>;
  /** What another program than ours sends. */
  publishRaw(queue: string, content: Buffer, options: Options.Publish): Promise<void>;
  /** Deletes a queue behind everyone's back. */
  remove(queue: string): Promise<void>;
  /** Makes a queue by hand. */
  declare(queue: string, settings: Readonly<Record<string, unknown>>): Promise<void>;
  purge(...queues: string[]): Promise<void>;
  /** Closes what was opened since, and leaves the queues as they were found, whatever a test that failed has left in them. */
  tidy(): Promise<void>;
  stop(): Promise<void>;
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A broker with the queues and exchanges of `taskTopology`. */
export async function startTaskBroker(): Promise<TaskBroker> {
  const server = await startTestRabbit();
  const broker = await openBroker(server);
  await broker.apply(taskTopology);
  const opened: { close(): Promise<void> }[] = [];
  const removed = new Set<string>();
  const open = async (options: Partial<TasksOptions> = {}): Promise<Tasks> => {
    const tasks = await openTasks({ service: broker.handle, topology: parsed(taskTopology), drainMs: 3_000, logger: silent, ...options });
    opened.unshift(tasks);
    return tasks;
  };
  const purge = async (...queues: string[]): Promise<void> => {
    const channel = await broker.connection.openChannel();
    for (const queue of queues) await channel.purgeQueue(queue);
    await channel.close();
  };
  const filled = async (): Promise<string[]> => {
    const names = Object.keys(taskTopology.queues!);
    const counts = await Promise.all(names.map((queue) => broker.ready(queue)));
    return names.filter((_, i) => counts[i]! > 0);
  };
  return {
    ...{ server, broker, open },
    async openThroughProxy() {
      const proxy = await startProxy(server);
      opened.push(proxy);
      return { proxy, tasks: await open({ service: throughPort(broker.handle, proxy.port, server) }) };
    },
    async next(queue) {
      const channel = await broker.connection.openChannel();
      const message = await channel.get(queue, { noAck: true });
      await channel.close();
      return message === false ? undefined : (message as never);
    },
    async publishRaw(queue, content, options) {
      const publisher = await broker.connection.openPublisher();
      await publisher.publish('', queue, content, options);
      await publisher.close();
    },
    async remove(queue) {
      const channel = await broker.connection.openChannel();
      await channel.deleteQueue(queue);
      removed.add(queue);
      await channel.close();
    },
    async declare(queue, settings) {
      const channel = await broker.connection.openChannel();
      await channel.assertQueue(queue, { durable: true, arguments: settings });
      await channel.close();
    },
    purge,
    async tidy() {
      for (const each of opened.splice(0)) await each.close();
      if (removed.size > 0) await broker.apply(taskTopology);
      removed.clear();
      await purge(...(await filled()));
    },
    async stop() {
      await broker[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

function throughPort({ service: bound }: ServiceHandle, port: number, { password, ca }: TestRabbit): ServiceHandle {
  const endpoints = bound.endpoints.map((endpoint) => (endpoint.purpose === 'primary' ? { ...endpoint, port } : endpoint));
  return wrap({ tasks: { ...bound, endpoints } }, { env: { PASSWORD: password, CA: ca } }).service('tasks');
}
