import { join } from 'node:path';
import { wrap } from '../../../../runtime/src/binding/index.ts';
import { connectRabbit } from '../../../../runtime/src/connections/rabbitmq/index.ts';
import type { BoundService } from '../../../../runtime/src/contracts/binding.ts';
import type { TransportKind } from '../../../../runtime/src/contracts/topology.ts';
import { testFolder } from '../../../support/folders.ts';
import { openHosts, type TestHosts } from '../../../support/machines/hosts.ts';
import { machinesAreImpossible } from '../../../support/machines/namespace.ts';
import { startProxy, type TestProxy } from '../../../support/proxy.ts';
import {
  startTestKafka,
  startTestRabbit,
  startTestRedis,
  startTestSentinel,
  type TestKafka,
  type TestRabbit,
  type TestRedis,
  type TestSentinel,
} from '../../../support/servers.ts';
import { mountSmallDisk, type SmallDisk, smallDisksAreImpossible } from '../../../support/small-disk.ts';
import { sentinelServiceOf, serviceOf } from '../../integration/redis-streams-fixture.ts';

/** What every server that carries events tells a run. */
interface Carried {
  readonly transport: TransportKind;
  /** Name of the bound service. */
  readonly name: 'events' | 'log' | 'tasks';
  readonly service: BoundService;
  /** Secrets that the service refers to. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface RedisCarrier extends Carried {
  readonly kind: 'redis';
  readonly server: TestRedis;
  /** Where clients connect. */
  readonly proxy: TestProxy;
  /** Where its files are, on machines that let it have one. */
  readonly disk: SmallDisk | undefined;
}
export interface SentinelCarrier extends Carried {
  readonly kind: 'sentinel';
  readonly set: TestSentinel;
  /** A machine for each node, where this one can play them. */
  readonly hosts: TestHosts | undefined;
}
export interface KafkaCarrier extends Carried {
  readonly kind: 'kafka';
  readonly cluster: TestKafka;
}
export interface RabbitCarrier extends Carried {
  readonly kind: 'rabbitmq';
  readonly broker: TestRabbit;
}

/** A running server that carries events. */
export type Carrier = RedisCarrier | SentinelCarrier | KafkaCarrier | RabbitCarrier;

/** For minutes of events, and to be filled at once. */
const diskMiB = 128;

/** One Redis behind a proxy. @param settings further directives of redis.conf */
export async function redisCarrier(settings: Readonly<Record<string, string>> = {}): Promise<RedisCarrier> {
  const folder = await testFolder('redis-disk');
  const disk = smallDisksAreImpossible() === undefined ? mountSmallDisk(join(folder.path, 'disk'), diskMiB) : undefined;
  const server = await startTestRedis({ settings, dir: disk && join(disk.path, 'data') });
  const proxy = await startProxy(server);
  const { service } = serviceOf({ ...server, port: proxy.port, password: server.password });
  const stop = async (): Promise<void> => {
    await proxy.close();
    await server.stop();
    disk?.unmount();
    await folder.remove();
  };
  const env = { TEST_REDIS_PASSWORD: server.password };
  return { kind: 'redis', transport: 'redis-streams', name: 'events', service, env, server, proxy, disk, stop };
}

export async function sentinelCarrier(): Promise<SentinelCarrier> {
  const hosts = machinesAreImpossible() === undefined ? await openHosts(3) : undefined;
  const set = await startTestSentinel({ hosts });
  const env = { TEST_REDIS_PASSWORD: set.password, TEST_SENTINEL_PASSWORD: set.sentinelPassword };
  const { service } = sentinelServiceOf(set);
  const stop = async (): Promise<void> => {
    await set.stop();
    await hosts?.end();
  };
  return { kind: 'sentinel', transport: 'redis-streams', name: 'events', service, env, set, hosts, stop };
}

export async function kafkaCarrier(nodes: 1 | 3 = 1): Promise<KafkaCarrier> {
  const cluster = await startTestKafka({ nodes });
  const env: Record<string, string> = {};
  const { service } = cluster.handle({ env });
  return { kind: 'kafka', transport: 'kafka', name: 'log', service, env, cluster, stop: cluster.stop };
}

export async function rabbitCarrier(nodes: 1 | 3 = 1): Promise<RabbitCarrier> {
  const broker = await startTestRabbit({ nodes });
  const env = { TASKS_PASSWORD: broker.password, TASKS_CA: broker.ca };
  const { service } = broker.handle();
  return { kind: 'rabbitmq', transport: 'rabbitmq', name: 'tasks', service, env, broker, stop: broker.stop };
}

/** A binding with these services, as a document. */
export function bindingOf(services: Record<string, BoundService>): string {
  return JSON.stringify(wrap(services, { environment: 'faults' }).document);
}

/** The carrier as one of a kind. @throws {Error} when it is of another */
export function carrierOf<K extends Carrier['kind']>(carrier: Carrier, kind: K): Extract<Carrier, { kind: K }> {
  if (carrier.kind !== kind) throw new Error(`this needs ${kind}, got ${carrier.kind}`);
  return carrier as Extract<Carrier, { kind: K }>;
}

/** Binds the queue of a shard of `orders` to its exchange, or takes its binding away. */
export async function bound(broker: TestRabbit, shard: number, wanted: boolean): Promise<void> {
  const connection = await connectRabbit(broker.handle());
  try {
    const channel = await connection.openChannel();
    const binding = [`orders.stock.${shard}`, 'orders', `${shard}.*`] as const;
    await (wanted ? channel.bindQueue(...binding) : channel.unbindQueue(...binding));
  } finally {
    await connection.close();
  }
}
