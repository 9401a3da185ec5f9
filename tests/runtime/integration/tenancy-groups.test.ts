import type { Redis } from 'ioredis';
import { referenceTopology } from '../../../environments/topology.ts';
import type { LoadedBinding } from '../../../runtime/src/binding/index.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { channelKey, type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Delivery, Transport } from '../../../runtime/src/transport.ts';
import { redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { applyAll, attempt, bindingOf, clientAs, refusal } from '../support/topology-redis.ts';
import { eventsOf } from './redis-streams-fixture.ts';

const topology: Topology = topologySchema.parse(referenceTopology({ events: { kind: 'redis', role: 'events' } }, 'process'));
/** Retries at once, or the test would last as long as an incident. */
for (const topic of Object.values(topology.topics)) topic.retry = { attempts: 2, initialDelayMs: 5, maxDelayMs: 10 };

let redis: TestRedis;
let admin: Redis;
let binding: LoadedBinding;
const opened: { close(): unknown }[] = [];
const complaints: string[] = [];
const logger = {
  info: () => undefined,
  warn: (details: object, text: string) => void (text === 'handler failed' || complaints.push(`${text} ${JSON.stringify(details)}`)),
  error: () => undefined,
};

beforeAll(async () => {
  redis = await startTestRedis();
  binding = bindingOf(redis, topology);
  expect((await applyAll(binding, topology)).changes).toEqual([]);
  admin = await clientAs(redis, 'default', redis.password);
});
afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
});
beforeEach(async () => {
  complaints.splice(0);
  await admin.call('ACL', 'LOG', 'RESET');
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function transportOf(user: string): Promise<Transport> {
  const transport = await redisStreams({ service: binding.service('events').as(user), topology, logger, leaseMs: 10_000, drainMs: 1_000 });
  opened.push(transport);
  return transport;
}

/** What the server has refused since the test began. */
async function refusals(): Promise<string[]> {
  const log = (await admin.call('ACL', 'LOG')) as string[][];
  return log.map((entry) => `${entry[entry.indexOf('username') + 1]}: ${entry[entry.indexOf('object') + 1]}`);
}

async function publish(relay: Transport, topic: string, events: readonly MillraceEvent[]): Promise<void> {
  const results = await relay.publish(topic, events);
  expect(results.filter(({ status }) => status !== 'published')).toEqual([]);
}

describe('the users of the reference topology, each with its own password', () => {
  test('relay publishes to every topic, under a fence', async () => {
    const relay = await transportOf('relay');
    await relay.incarnation();
    const fence = { producer: 'main', epoch: 1n };
    for (const topic of topology.aclUsers.relay!.topics) {
      const results = await relay.publish(topic, eventsOf(20, { keys: 5, tenantid: 'acme' }), { fence });
      expect([topic, results.filter(({ status }) => status !== 'published')]).toEqual([topic, []]);
    }
    expect(await refusals()).toEqual([]);
  });

  test.each([
    ['inventory', 'orders.created'],
    ['inventory', 'orders.updated'],
    ['emails', 'orders.created'],
    ['audit', 'audit.logs'],
  ])('%s consumes %s: handles, retries, sets aside, hands on to another and signs off, and is refused nothing', async (group, topic) => {
    const relay = await transportOf('relay');
    const [first, second] = [await transportOf(group), await transportOf(group)];
    const handled = new Set<string>();
    const handler = async ({ id, partitionkey }: MillraceEvent, { attempt }: Delivery) => {
      if (partitionkey === 'poison' || (id.endsWith('7') && attempt === 1)) throw new Error('not now');
      handled.add(id);
    };
    await first.subscribe(topic, { group, concurrency: 4 }, handler);
    const batch = (from: number) =>
      eventsOf(20, { keys: 5, from, source: `/${topic}` }).map((event) => ({ ...event, id: `${topic}-${event.id}` }));
    await publish(relay, topic, [...batch(1), { ...batch(100)[0]!, id: `${topic}-poison`, partitionkey: 'poison' }]);
    await second.subscribe(topic, { group, concurrency: 4 }, handler);
    await publish(relay, topic, batch(21));
    const mine = () => [...handled].filter((id) => id.startsWith(topic)).length;
    await eventually(() => mine() >= 40, { what: `${group} has handled ${topic}`, timeoutMs: 20_000 });
    await eventually(async () => (await admin.exists(...(await deadKeys(group, topic)))) > 0, {
      what: 'the poison is set aside',
      timeoutMs: 20_000,
    });
    expect((await first.lag(topic, group)).undelivered).toBe(0);
    const history = [];
    for await (const { event } of first.read!(topic, { from: 'earliest' })) history.push(event);
    expect(history.length).toBeGreaterThanOrEqual(41);
    for (const each of opened.splice(0).reverse()) await each.close();
    expect([await refusals(), complaints]).toEqual([[], []]);
  });

  test('gateway reads what tenants are told, as it happens and from the past', async () => {
    const relay = await transportOf('relay');
    await publish(relay, 'chat', eventsOf(3, { tenantid: 'acme' }));
    await publish(relay, 'chat', eventsOf(3, { tenantid: 'beta', from: 4 }));
    const gateway = await transportOf('gateway');
    const seen = new Set<string | undefined>();
    for await (const { event } of gateway.read!('chat', { from: 'earliest' })) seen.add(event.tenantid);
    expect([...seen].sort()).toEqual(['acme', 'beta']);
    const socket = await clientAs(redis, 'gateway', 'of-gateway');
    opened.push({ close: () => socket.disconnect() });
    const heard: string[] = [];
    socket.on('message', (_channel, text: string) => heard.push(text));
    await socket.subscribe(channelKey('chat', 'acme'));
    const teller = await clientAs(redis, 'relay', 'of-relay');
    opened.push({ close: () => teller.disconnect() });
    await teller.publish(channelKey('chat', 'acme'), 'hello');
    await eventually(() => heard.includes('hello'), { what: 'the gateway hears' });
    expect(await refusals()).toEqual([]);
  });
});

async function deadKeys(group: string, topic: string): Promise<string[]> {
  return Array.from({ length: topology.topics[topic]!.shards }, (_, shard) => `stream:{${topic}:${shard}}:dead:${group}`);
}

const created = 'stream:{orders.created:0}';
const audited = 'stream:{audit.logs:0}';

describe("a user of one group, with another's streams and keys", () => {
  const attempts: [string, string[]][] = [
    ['read another topic', ['XRANGE', audited, '-', '+']],
    ['wait for its events', ['XREAD', 'STREAMS', audited, '0']],
    ['read it as its group', ['XREADGROUP', 'GROUP', 'audit', 'x', 'STREAMS', audited, '>']],
    ['acknowledge for its group', ['XACK', audited, 'audit', '1-1']],
    ['take its entries over', ['XCLAIM', audited, 'audit', 'x', '0', '1-1']],
    ['see its groups', ['XINFO', 'GROUPS', audited]],
    ['see its consumers', ['XINFO', 'CONSUMERS', audited, 'audit']],
    ['drop its group', ['XGROUP', 'DESTROY', audited, 'audit']],
    ['take the lease of another group of its own topic', ['SET', `${created}:lease:emails`, 'me']],
    ['read that lease', ['GET', `${created}:lease:emails`]],
    ['end that lease', ['DEL', `${created}:lease:emails`]],
    ['raise its fence', ['SET', `${created}:fence:emails`, '9']],
    ['read its dead letters', ['XRANGE', `${created}:dead:emails`, '-', '+']],
    ['add to its dead letters', ['XADD', `${created}:dead:emails`, '*', 'a', 'b']],
    ['block a key for it', ['SADD', `${created}:blocked:emails`, 'key']],
    ['count itself among its consumers', ['ZADD', 'consumers:{orders.created}:emails', '1', 'me']],
    ['take that lease in a script', ['EVAL', "return redis.call('SET', KEYS[1], 'me')", '1', `${created}:lease:emails`]],
    ['take that lease in a script that does not declare it', ['EVAL', `return redis.call('SET', '${created}:lease:emails', 'me')`, '0']],
    ['publish to its own topic', ['XADD', created, '*', 'a', 'b']],
    ['trim its own topic', ['XTRIM', created, 'MAXLEN', '0']],
    ['delete an event of it', ['XDEL', created, '1-1']],
    ['delete its own stream', ['DEL', created]],
    ['overwrite its own stream', ['SET', created, 'x']],
    ['rename its own stream', ['RENAME', created, 'elsewhere']],
    ['drop groups of its own stream', ['XGROUP', 'DESTROY', created, 'emails']],
    ['wind back its own group', ['XGROUP', 'SETID', created, 'inventory', '0']],
    ['forget what a publisher did', ['DEL', `${created}:fence`]],
  ];

  test.each(attempts)('cannot %s', async (_, command) => {
    const client = await clientAs(redis, 'inventory', 'of-inventory');
    opened.push({ close: () => client.disconnect() });
    await expect(attempt(client, command)).rejects.toThrow(refusal);
  });

  test('a publisher cannot read, trim by command, or delete what it has published, nor consume', async () => {
    const client = await clientAs(redis, 'relay', 'of-relay');
    opened.push({ close: () => client.disconnect() });
    for (const command of [
      ['XRANGE', created, '-', '+'],
      ['XLEN', created],
      ['XTRIM', created, 'MAXLEN', '0'],
      ['XDEL', created, '1-1'],
      ['DEL', created],
      ['XGROUP', 'CREATE', created, 'mine', '0'],
      ['SMEMBERS', 'tenants:{chat}'],
      ['EVAL', "return redis.call('XRANGE', KEYS[1], '-', '+')", '1', created],
    ]) {
      await expect(attempt(client, command)).rejects.toThrow(refusal);
    }
  });
});
