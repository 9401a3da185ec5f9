import type { Redis } from 'ioredis';
import type { LoadedBinding } from '../../../runtime/src/binding/index.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, type TestAuthority, type TestRedis, testAuthority } from '../../support/servers.ts';
import { applyAll, attempt, bindingOf, clientAs, refusal, topologyOn } from '../support/topology-redis.ts';
import { eventsOf } from './redis-streams-fixture.ts';

const isolated = { isolation: 'tenant', consumers: [{ group: 'history' }] };
const topology = {
  ...{ topics: { chat: isolated, chat2: isolated, metrics: { shards: 1 } } },
  users: {
    acme: { topics: ['chat'], groups: ['history'], access: 'both', tenant: 'acme' },
    'acme-labs': { topics: ['chat'], groups: ['history'], access: 'both', tenant: 'acme-labs' },
    operator: { topics: ['chat'], access: 'admin', tenant: 'acme' },
    history: { topics: ['chat'], groups: ['history'], access: 'consume' },
    relay: { topics: ['chat', 'chat2', 'metrics'], access: 'produce' },
  },
};

const declared = topologyOn(topology.topics, topology.users);
const other = 'tenant:{acme-labs}:stream:chat';
const sameTenant = 'tenant:{acme}:stream:chat2';

/** What a user of tenant `acme`, topic `chat`, tries. Those with a key name one of another tenant or topic. */
const withKeys: [string, string[]][] = [
  ['read', ['XRANGE', other, '-', '+']],
  ['read on', ['XREAD', 'STREAMS', other, '0']],
  ['read both', ['XREAD', 'STREAMS', 'tenant:{acme}:stream:chat', other, '0', '0']],
  ['read in a group', ['XREADGROUP', 'GROUP', 'history', 'me', 'STREAMS', other, '>']],
  ['write', ['XADD', other, '*', 'a', 'b']],
  ['acknowledge', ['XACK', other, 'history', '1-1']],
  ['count', ['XLEN', other]],
  ['find out whether there is', ['EXISTS', other]],
  ['look into', ['XINFO', 'GROUPS', other]],
  ['make a group of', ['XGROUP', 'CREATE', other, 'mine', '0', 'MKSTREAM']],
  ['hold the lease of', ['SET', `${other}:lease:history`, 'me']],
  ['read the fence of', ['HMGET', `${other}:fence`, 'main:last']],
  ['read in a script', ['EVAL', "return redis.call('XRANGE', KEYS[1], '-', '+')", '1', other]],
  ['read in a script that does not say so', ['EVAL', `return redis.call('XRANGE', '${other}', '-', '+')`, '0']],
  ['read another topic of its own tenant from', ['XRANGE', sameTenant, '-', '+']],
  ['read a topic that all share from', ['XRANGE', 'stream:{metrics:0}', '-', '+']],
  ['list the tenants of', ['SMEMBERS', 'tenants:{chat}']],
  ['enter a tenant for, which tells whether it is there', ['SADD', 'tenants:{chat}', 'acme-labs']],
  ['see the consumers of', ['ZRANGE', 'consumers:{chat}:history:acme-labs', '0', '-1']],
  ['publish on the channel of', ['PUBLISH', 'tenant:{acme-labs}:channel:chat', 'x']],
  ['listen to the channel of', ['SUBSCRIBE', 'tenant:{acme-labs}:channel:chat']],
  ['listen to all channels of', ['PSUBSCRIBE', 'tenant:*']],
];
const withoutKeys: [string, string[]][] = [
  ['KEYS', ['KEYS', '*']],
  ['SCAN', ['SCAN', '0']],
  ['RANDOMKEY', ['RANDOMKEY']],
  ['DBSIZE', ['DBSIZE']],
  ['XINFO STREAM', ['XINFO', 'STREAM', other]],
  ['XTRIM', ['XTRIM', other, 'MAXLEN', '0']],
  ['XDEL', ['XDEL', other, '1-1']],
  ['DEL of a stream', ['DEL', other]],
  ['OBJECT', ['OBJECT', 'ENCODING', other]],
  ['TYPE', ['TYPE', other]],
  ['MEMORY', ['MEMORY', 'USAGE', other]],
  ['COPY', ['COPY', other, 'tenant:{acme}:stream:chat']],
  ['RENAME', ['RENAME', other, 'tenant:{acme}:stream:chat']],
  ['SORT', ['SORT', 'tenant:{acme}:stream:chat', 'BY', 'nosort', 'GET', other]],
  ['DUMP', ['DUMP', other]],
  ['CLIENT LIST', ['CLIENT', 'LIST']],
  ['CLIENT KILL', ['CLIENT', 'KILL', 'TYPE', 'normal']],
  ['CLIENT UNBLOCK', ['CLIENT', 'UNBLOCK', '1']],
  ['CLIENT NO-EVICT', ['CLIENT', 'NO-EVICT', 'on']],
  ['MONITOR', ['MONITOR']],
  ['SLOWLOG', ['SLOWLOG', 'GET']],
  ['LATENCY', ['LATENCY', 'LATEST']],
  ['DEBUG', ['DEBUG', 'OBJECT', other]],
  ['CONFIG', ['CONFIG', 'GET', '*']],
  ['ACL LIST', ['ACL', 'LIST']],
  ['ACL SETUSER', ['ACL', 'SETUSER', 'acme', '~*']],
  ['ACL GENPASS', ['ACL', 'GENPASS']],
  ['PUBSUB CHANNELS', ['PUBSUB', 'CHANNELS']],
  ['FUNCTION', ['FUNCTION', 'LIST']],
  ['FCALL', ['FCALL', 'f', '0']],
  ['SCRIPT FLUSH', ['SCRIPT', 'FLUSH']],
  ['SELECT', ['SELECT', '1']],
  ['SWAPDB', ['SWAPDB', '0', '1']],
  ['FLUSHALL', ['FLUSHALL']],
  ['SHUTDOWN', ['SHUTDOWN']],
  ['REPLICAOF', ['REPLICAOF', 'NO', 'ONE']],
  ['SYNC', ['PSYNC', '?', '-1']],
  ['WAIT', ['WAIT', '0', '0']],
  ['KEYS in a script', ['EVAL', "return redis.call('KEYS', '*')", '0']],
];

let authority: TestAuthority;
let redis: TestRedis;
let admin: Redis;
let binding: LoadedBinding;
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  redis = await startTestRedis({ tls: authority });
  binding = bindingOf(redis, declared);
  admin = await clientAs(redis, 'default', redis.password);
  expect((await applyAll(binding, declared)).changes).toEqual([]);
});
afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
  await authority?.remove();
});
beforeEach(async () => {
  await admin.unlink(other, 'tenant:{acme}:stream:chat', 'tenant:{acme}:stream:chat:dead:history');
  await admin.xadd(other, '1-1', 'secret', 'of acme-labs');
  await admin.xgroup('CREATE', other, 'history', '0');
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function loggedIn(user: string): Promise<Redis> {
  const client = await clientAs(redis, user, `of-${user}`);
  opened.push({ close: async () => client.disconnect() });
  return client;
}

const transportOf = async (user: string): Promise<Transport> => {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const transport = await redisStreams({ service: binding.service('events').as(user), topology: declared, logger: silent, leaseMs: 1_000 });
  opened.push(transport);
  return transport;
};

describe('over TLS, with its own password, a user of one tenant', () => {
  test.each(withKeys)('cannot %s another tenant', async (_, command) => {
    await expect(attempt(await loggedIn('acme'), command)).rejects.toThrow(refusal);
    expect(await admin.xlen(other)).toBe(1);
  });

  test('gets none of these refusals once it may touch all keys and channels, so it is the keys that hold', async () => {
    await admin.call('ACL', 'SETUSER', 'acme', 'clearselectors', '~*', '&*', '+@all');
    for (const [, command] of withKeys) {
      const client = await loggedIn('acme');
      const answer = await attempt(client, command).catch((error: Error) => error.message);
      expect(String(answer)).not.toMatch(refusal);
    }
    expect((await applyAll(binding, declared)).changes).toEqual([]);
  });

  test('may ask nothing that tells of others without naming them', async () => {
    for (const user of ['acme', 'history', 'operator', 'relay']) {
      const client = await loggedIn(user);
      for (const [name, command] of withoutKeys) {
        if (user === 'history' && name === 'CLIENT UNBLOCK') continue;
        if (user !== 'acme' && command.includes(other)) continue;
        await expect(attempt(client, command).then((answer) => `${user} ${name}: ${answer}`)).rejects.toThrow(refusal);
      }
    }
  });

  test('sees nobody else in INFO, the one thing that it may ask of the server', async () => {
    const info = await (await loggedIn('acme')).info('everything');
    expect(info).not.toMatch(/acme-labs|tenant:\{|stream:\{/);
  });

  test('works in its own tenant: publishes, consumes, sets aside, reads and listens', async () => {
    const transport = await transportOf('acme');
    const handled: string[] = [];
    const handler = async ({ id, tenantid }: MillraceEvent) => {
      if (id === 'event-3') throw new Error('never');
      handled.push(`${tenantid}/${id}`);
    };
    await transport.subscribe('chat', { group: 'history', tenant: 'acme' }, handler);
    const results = await transport.publish('chat', eventsOf(3, { tenantid: 'acme' }));
    expect(results.map(({ status }) => status)).toEqual(['published', 'published', 'published']);
    await eventually(() => handled.length === 2, { what: 'its events are handled' });
    await eventually(async () => (await admin.xlen('tenant:{acme}:stream:chat:dead:history')) === 1, { what: 'the third is set aside' });
    expect(handled).toEqual(['acme/event-1', 'acme/event-2']);
    const client = await loggedIn('acme');
    await client.subscribe('tenant:{acme}:channel:chat');
    expect(await admin.publish('tenant:{acme}:channel:chat', 'x')).toBe(1);
  });

  test("cannot publish another tenant's events through the transport, nor consume all tenants", async () => {
    const transport = await transportOf('acme');
    const [result] = await transport.publish('chat', eventsOf(1, { tenantid: 'acme-labs' }));
    expect(result).toMatchObject({ status: 'failed', error: { cause: { code: 'ACCESS_DENIED' } } });
    expect(await admin.xlen(other)).toBe(1);
  });

  test('is found by consumers of all tenants, though it may not enter itself', async () => {
    const handled: string[] = [];
    await (await transportOf('history')).subscribe('chat', { group: 'history' }, async ({ id }) => void handled.push(id));
    await (await transportOf('acme')).publish('chat', eventsOf(1, { tenantid: 'acme' }));
    await eventually(() => handled.includes('event-1'), { what: 'the consumer of all tenants has it' });
  });
});

describe('an operator of one tenant', () => {
  test('mends the streams of its tenant, and no other', async () => {
    const client = await loggedIn('operator');
    const own = 'tenant:{acme}:stream:chat';
    await client.xadd(own, '*', 'a', 'b');
    expect(await client.xtrim(own, 'MAXLEN', 0)).toBe(1);
    expect(await client.del(`${own}:blocked:history`)).toBe(0);
    for (const key of [other, `${other}:dead:history`, sameTenant, 'tenants:{chat}', 'consumers:{chat}:history:acme-labs']) {
      await expect(client.del(key)).rejects.toThrow(refusal);
    }
  });
});
