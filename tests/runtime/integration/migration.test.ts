import { Pool } from 'pg';
import type { LoadedBinding, ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { type Comparison, compareRoutes, isEqual } from '../../../runtime/src/bus/compare.ts';
import { type Bus, openBus } from '../../../runtime/src/bus/index.ts';
import { jsonData } from '../../../runtime/src/contracts/event.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { once } from '../../../runtime/src/inbox/index.ts';
import { applyTopology } from '../../../runtime/src/topology/apply.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { openTransport } from '../../../runtime/src/transports/open.ts';
import { eventually } from '../../support/eventually.ts';
import {
  startTestKafka,
  startTestPostgres,
  startTestRedis,
  type TestKafka,
  type TestPostgres,
  type TestRedis,
} from '../../support/servers.ts';
import { openLog, type TestLog } from '../support/log.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';
import { serviceOf } from './redis-streams-fixture.ts';

type Routes = NonNullable<TopologyInput['topics']>[string]['transports'];

const onStreams = { kind: 'redis-streams', service: 'events' } as const;
const onKafka = { kind: 'kafka', service: 'log' } as const;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const group = 'stock';

let postgres: TestPostgres;
let redis: TestRedis;
let kafka: TestKafka;
let binding: LoadedBinding;
let log: TestLog;
let pool: Pool;

beforeAll(async () => {
  [postgres, redis, kafka] = await Promise.all([startTestPostgres(), startTestRedis(), startTestKafka()]);
  binding = bindingTo({ events: serviceOf(redis), log: kafka.handle() });
}, 120_000);
afterAll(() => Promise.all([postgres.stop(), redis.stop(), kafka.stop()]));
beforeEach(async () => {
  log = await openLog(postgres);
  await log.rows(ledgerSql);
  await log.rows('create table effect (place bigint generated always as identity, key text, n integer)');
  pool = new Pool({ connectionString: log.url, max: 8 });
  pool.on('error', () => undefined);
});
afterEach(async () => {
  await pool.end();
  await log.close();
});

function bindingTo(handles: Readonly<Record<string, ServiceHandle>>): LoadedBinding {
  const services = Object.fromEntries(Object.entries(handles).map(([name, { service }]) => [name, service]));
  return {
    names: Object.keys(handles),
    baseDir: '',
    document: { schema: 'millrace.binding/1', environment: 'test', generation: 'test', services } as LoadedBinding['document'],
    service: (name) => ({ ...handles[name]!, name }),
  };
}

/** The topic as one step of its move declares it. */
function step(...transports: Routes): Topology {
  return topologySchema.parse({
    topics: { t: { transports, tenantless: true, shards: 4, partitions: 4, consumers: [{ group, concurrency: 4 }] } },
  });
}

async function transportTo(service: string, topology: Topology): Promise<Transport> {
  return openTransport({ service: binding.service(service), topology, logger: silent });
}

/** The service, which knows nothing of brokers. */
async function consume(topology: Topology): Promise<Bus> {
  const bus = openBus({ binding, topology, logger: silent });
  await bus.subscribe('t', { group }, async (_event, delivery) => {
    await once(pool, group, delivery, async (client, event) => {
      const { n } = jsonData<{ n: number }>(event)!;
      await client.query('insert into effect (key, n) values ($1, $2)', [event.partitionkey, n]);
    });
  });
  return bus;
}

async function effects(): Promise<{ key: string; n: number }[]> {
  return log.rows<{ key: string; n: number }>('select key, n from effect order by place');
}

async function moving<T>(use: (relays: { to(service: string, topology: Topology): Promise<TestRelay> }) => Promise<T>): Promise<T> {
  const open: (() => Promise<void>)[] = [];
  try {
    return await use({
      async to(service, topology) {
        const transport = await transportTo(service, topology);
        const relay = startTestRelay({ log, transport, topology, service });
        open.unshift(
          () => relay.close(),
          () => transport.close(),
        );
        return relay;
      },
    });
  } finally {
    for (const close of open) await close();
  }
}

test('a topic moves from Redis Streams to Kafka under load: nothing is lost, effects happen once, in the order of each key', async () => {
  const before = step(onStreams);
  const mirrored = step(onStreams, { ...onKafka, phase: 'mirror' });
  const moved = step({ ...onStreams, phase: 'mirror' }, onKafka);
  const after = step(onKafka);
  await moving(async (relays) => {
    await applyTopology({ binding, topology: before });
    await relays.to('events', before);
    const writers = startWriters(log, { count: 6, pauseMs: 5 });
    let bus = await consume(before);
    await eventually(async () => (await effects()).length > 200, { what: 'effects of what came over Redis Streams' });

    await applyTopology({ binding, topology: mirrored });
    await relays.to('log', mirrored);
    const mirroredAt = new Date();
    await eventually(async () => (await compared(mirrored, mirroredAt)).equal > 200, { what: 'the mirror has what Redis Streams have' });

    const stoppedAt = new Date();
    await bus.close();
    await applyTopology({ binding, topology: moved });
    const kafkaTransport = await transportTo('log', moved);
    await kafkaTransport.startGroup!('t', group, new Date(stoppedAt.getTime() - 2_000));
    await kafkaTransport.close();
    const effectsAtMove = (await effects()).length;
    bus = await consume(moved);
    await eventually(async () => (await effects()).length > effectsAtMove + 200, {
      what: 'effects of what comes over Kafka',
      timeoutMs: 30_000,
    });

    await bus.close();
    bus = await consume(after);
    await writers.stop();
    const committed = await ledger(log);
    await eventually(async () => (await effects()).length >= committed.length, {
      what: 'all that was committed took effect',
      timeoutMs: 30_000,
    });
    await bus.close();
    const applied = await effects();
    expect(applied.map(({ key, n }) => `${key}#${n}`).sort()).toEqual([...committed].sort());
    expect(outOfOrder(applied)).toEqual([]);
    expect(writers.stats.rolledBack).toBeGreaterThan(0);
    process.stderr.write(`moved under load: ${committed.length} events, ${effectsAtMove} of them before the move\n`);
  });
}, 120_000);

/** What both keep of what was enqueued up to some seconds ago. */
async function compared(topology: Topology, to: Date): Promise<Comparison> {
  await using left = await transportTo('events', topology);
  await using right = await transportTo('log', topology);
  const comparison = await compareRoutes(left, right, { topic: 't', from: new Date(0), to });
  return isEqual(comparison) ? comparison : { ...comparison, equal: -1 };
}

function outOfOrder(applied: readonly { key: string; n: number }[]): string[] {
  const last = new Map<string, number>();
  return applied.flatMap(({ key, n }) => {
    const before = last.get(key) ?? -1;
    last.set(key, n);
    return n === before + 1 ? [] : [`${key}#${n} after ${before}`];
  });
}

test('the comparison tells what is missing, what differs and what is in another order', async () => {
  const topology = step(onStreams, { ...onKafka, phase: 'mirror' });
  await applyTopology({ binding, topology });
  await using left = await transportTo('events', topology);
  await using right = await transportTo('log', topology);
  const from = new Date();
  const event = (id: string, data = id) => ({
    id,
    source: '/test',
    type: 'happened',
    time: new Date().toISOString(),
    partitionkey: 'k',
    data: Buffer.from(data),
  });
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((id) => event(id));
  await left.incarnation();
  for (const result of await left.publish('t', [a!, b!, c!, d!])) expect(result.status).toBe('published');
  for (const result of await right.publish('t', [b!, a!, a!, { ...d!, data: Buffer.from('other') }, e!]))
    expect(result.status).toBe('published');
  const found = await compareRoutes(left, right, { topic: 't', from, to: new Date(Date.now() + 1_000) });
  expect(found).toEqual({
    topic: 't',
    equal: 2,
    missingLeft: { count: 1, shown: ['e'] },
    missingRight: { count: 1, shown: ['c'] },
    different: { count: 1, shown: ['d'] },
    reordered: { count: 1, shown: ['k'] },
    repeatedLeft: 0,
    repeatedRight: 1,
  });
  expect(isEqual(found)).toBe(false);
});
