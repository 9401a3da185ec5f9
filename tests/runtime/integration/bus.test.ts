import type { Redis } from 'ioredis';
import { referenceTopology } from '../../../environments/topology.ts';
import type { LoadedBinding } from '../../../runtime/src/binding/index.ts';
import { openBus } from '../../../runtime/src/bus/index.ts';
import { type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Delivery } from '../../../runtime/src/transport.ts';
import { redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { applyAll, bindingOf, clientAs } from '../support/topology-redis.ts';
import { eventsOf } from './redis-streams-fixture.ts';

const topology: Topology = topologySchema.parse(referenceTopology({ events: { kind: 'redis', role: 'events' } }, 'process'));
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let redis: TestRedis;
let admin: Redis;
let binding: LoadedBinding;

beforeAll(async () => {
  redis = await startTestRedis();
  binding = bindingOf(redis, topology);
  await applyAll(binding, topology);
  admin = await clientAs(redis, 'default', redis.password);
});
afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
});

/** Users that clients with a name of ours are logged in as. */
async function users(): Promise<string[]> {
  const list = String(await admin.client('LIST')).split('\n');
  const ours = list.filter((line) => / name=millrace/.test(line)).map((line) => / user=(\S+)/.exec(line)![1]!);
  return [...new Set(ours)].sort();
}

test('consumes the live route of a topic, as the user of its group, each opened once', async () => {
  await using relay = await redisStreams({ service: binding.service('events').as('relay'), topology, logger: silent });
  await using bus = openBus({ binding, topology, logger: silent });
  const taken: string[] = [];
  const take = async (_: unknown, { group, topic, event }: Delivery): Promise<void> => void taken.push(`${group} ${topic} ${event.id}`);
  await bus.subscribe('orders.created', { group: 'inventory' }, take);
  await bus.subscribe('orders.updated', { group: 'inventory' }, take);
  await bus.subscribeBatches('orders.created', { group: 'emails', maxBatch: 10 }, async (deliveries) => {
    for (const delivery of deliveries) await take(undefined, delivery);
  });
  expect(await users()).toEqual(['emails', 'inventory', 'relay']);
  expect(await bus.transport('orders.created', 'inventory')).toBe(await bus.transport('orders.updated', 'inventory'));
  await relay.incarnation();
  const [created, updated] = [eventsOf(5, { keys: 2, tenantid: 'acme' }), eventsOf(5, { keys: 2, tenantid: 'acme' })];
  await relay.publish('orders.created', created);
  await relay.publish('orders.updated', updated);
  await eventually(() => taken.length === 15, { what: 'both groups have taken all of theirs' });
  expect(taken.sort()).toEqual(
    [
      ...created.flatMap(({ id }) => [`inventory orders.created ${id}`, `emails orders.created ${id}`]),
      ...updated.map(({ id }) => `inventory orders.updated ${id}`),
    ].sort(),
  );
});

test('after close nothing is connected, and nothing can be subscribed to', async () => {
  const bus = openBus({ binding, topology, logger: silent });
  await bus.subscribe('orders.created', { group: 'inventory' }, async () => undefined);
  await bus.close();
  await eventually(async () => (await users()).length === 0, { what: 'its connections have ended' });
  await expect(bus.subscribe('orders.created', { group: 'inventory' }, async () => undefined)).rejects.toMatchObject({
    code: 'CONNECTION_CLOSED',
  });
});

test('names the right topics when there is no such one, and the services when the route leads to none', async () => {
  await using bus = openBus({ binding, topology, logger: silent });
  await expect(bus.subscribe('orders.create', { group: 'inventory' }, async () => undefined)).rejects.toMatchObject({
    code: 'TOPIC_UNKNOWN',
    message: expect.stringMatching(/orders\.create is not in the topology; declared are orders\.created, /),
  });
  const elsewhere = topologySchema.parse({ topics: { t: { transports: [{ kind: 'kafka', service: 'log' }] } } });
  await using lost = openBus({ binding, topology: elsewhere, logger: silent });
  await expect(lost.subscribe('t', { group: 'g' }, async () => undefined)).rejects.toMatchObject({ code: 'BINDING_NAME_UNKNOWN' });
});
