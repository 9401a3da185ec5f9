import type { Redis } from 'ioredis';
import type { Change } from '../../../runtime/src/topology/driver.ts';
import { startTestRedis, type TestRedis } from '../../support/servers.ts';
import { applyAll, bindingOf, clientAs, openDriver, type Passwords, topologyOn } from './redis-acl-fixture.ts';

const topology = topologyOn(
  {
    'orders.created': { shards: 2, consumers: [{ group: 'inventory' }, { group: 'emails' }] },
    chat: { isolation: 'tenant', consumers: [{ group: 'history' }] },
  },
  {
    relay: { topics: ['orders.created', 'chat'], access: 'produce' },
    inventory: { topics: ['orders.created'], groups: ['inventory'], access: 'consume' },
    operator: { topics: ['orders.created', 'chat'], access: 'admin' },
    acme: { topics: ['chat'], groups: ['history'], access: 'both', tenant: 'acme' },
  },
);
const stream = 'stream:{orders.created:0}';

let redis: TestRedis;
let admin: Redis;

beforeAll(async () => {
  redis = await startTestRedis();
  admin = await clientAs(redis, 'default', redis.password);
});
afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
});
beforeEach(async () => {
  await admin.flushall();
  const users = ((await admin.call('ACL', 'USERS')) as string[]).filter((name) => name !== 'default');
  if (users.length > 0) await admin.call('ACL', 'DELUSER', ...users);
});

const binding = bindingOf.bind(undefined);
const compare = async (declared = topology) => {
  await using driver = await openDriver(binding(redis, declared), declared);
  return await driver.compare();
};
const named = (changes: readonly Change[]) => changes.map(({ action, name }) => `${action} ${name}`);

describe('the driver of Redis', () => {
  test('makes groups from the first entry, enters tenants and sets users; then nothing differs', async () => {
    expect(named((await compare()).changes)).toEqual([
      'create events/group/stream:{orders.created:0}/inventory',
      'create events/group/stream:{orders.created:0}/emails',
      'create events/group/stream:{orders.created:1}/inventory',
      'create events/group/stream:{orders.created:1}/emails',
      'create events/tenant/chat/acme',
      'create events/user/relay',
      'create events/user/inventory',
      'create events/user/operator',
      'create events/user/acme',
    ]);
    expect((await applyAll(binding(redis, topology), topology)).changes).toEqual([]);
    expect(await admin.smembers('tenants:{chat}')).toEqual(['acme']);
    expect(await admin.xinfo('GROUPS', stream)).toHaveLength(2);
  });

  test('reads only, until it is told to apply', async () => {
    await compare();
    expect(await admin.dbsize()).toBe(0);
    expect(await admin.call('ACL', 'USERS')).toEqual(['default']);
  });

  test('carries a change out again after it was half done', async () => {
    await using driver = await openDriver(binding(redis, topology), topology);
    const { changes } = await driver.compare();
    for (const change of [...changes, ...changes]) await driver.apply(change);
    expect((await driver.compare()).changes).toEqual([]);
  });

  test('finds users that were changed by hand, whatever way, and sets them right', async () => {
    await applyAll(binding(redis, topology), topology);
    const byHand: [string, string[], string[]][] = [
      ['inventory', ['~*'], ['keys']],
      ['inventory', ['+flushall'], ['commands']],
      ['inventory', ['-xack'], ['commands']],
      ['relay', ['&*'], ['channels']],
      ['relay', ['(+@all ~*)'], ['selectors']],
      ['acme', ['clearselectors'], ['selectors']],
      ['relay', ['off'], ['state']],
      ['relay', ['nopass'], ['password']],
      ['relay', ['>further'], ['password']],
    ];
    for (const [user, rules, properties] of byHand) {
      await admin.call('ACL', 'SETUSER', user, ...rules);
      const { changes } = await compare();
      expect(named(changes)).toEqual([`update events/user/${user}`]);
      expect([rules, changes[0]!.differences.map(({ property }) => property)]).toEqual([rules, properties]);
      expect(changes[0]!.danger).toBeUndefined();
      expect((await applyAll(binding(redis, topology), topology)).changes).toEqual([]);
    }
  });

  test('does not mind the order and the words in which a server keeps a rule', async () => {
    await applyAll(binding(redis, topology), topology);
    await admin.call('ACL', 'SETUSER', 'relay', '-sadd', '+sadd', '%RW~stream:{orders.created:0}');
    expect((await compare()).changes).toEqual([]);
  });

  test('gives users their new password when the secret has changed, and shows neither', async () => {
    const passwords: Passwords = { relay: 'before' };
    await applyAll(binding(redis, topology, { passwords }), topology);
    passwords.relay = 'after-rotation';
    await using driver = await openDriver(binding(redis, topology, { passwords }), topology);
    const { changes } = await driver.compare();
    expect(changes).toEqual([
      {
        name: 'events/user/relay',
        action: 'update',
        differences: [{ property: 'password', live: 'another', declared: 'as in the secret' }],
      },
    ]);
    await driver.apply(changes[0]!);
    const relay = await clientAs(redis, 'relay', 'after-rotation');
    expect(await relay.ping()).toBe('PONG');
    relay.disconnect();
    await expect(clientAs(redis, 'relay', 'before')).rejects.toThrow();
  });

  test('shows groups and users that nobody declared, what a group would lose, and deletes them when told to', async () => {
    await applyAll(binding(redis, topology), topology);
    await admin.xgroup('CREATE', stream, 'old/group', '0');
    for (const n of ['1', '2', '3']) await admin.xadd(stream, '*', 'n', n);
    await admin.xreadgroup('GROUP', 'old/group', 'someone', 'COUNT', 1, 'STREAMS', stream, '>');
    await admin.call('ACL', 'SETUSER', 'visitor', 'on', '>x');
    await using driver = await openDriver(binding(redis, topology), topology);
    const { changes } = await driver.compare();
    expect(changes).toEqual([
      {
        name: `events/group/${stream}/old/group`,
        action: 'delete',
        undeclared: true,
        differences: [
          { property: 'pending', live: '1' },
          { property: 'undelivered', live: '2' },
        ],
        danger: {
          sentence: 'forgets how far the group has come, 1 entries delivered and not acknowledged and 2 not delivered yet',
          messages: 3,
        },
      },
      expect.objectContaining({ name: 'events/user/visitor', action: 'delete', undeclared: true }),
    ]);
    for (const change of changes) await driver.apply(change);
    expect((await driver.compare()).changes).toEqual([]);
    expect(await admin.xlen(stream)).toBe(3);
  });

  test('leaves the groups of tenants to the tenants, and a mirror without groups', async () => {
    const mirrored = topologyOn({
      chat: { isolation: 'tenant', consumers: [{ group: 'history' }] },
      paid: {
        transports: [
          { kind: 'kafka', service: 'log' },
          { kind: 'redis-streams', service: 'events', phase: 'mirror' },
        ],
        consumers: [{ group: 'books' }],
      },
    });
    expect((await compare(mirrored)).changes).toEqual([]);
  });

  test('tells of a key that is no stream, and of events in a shard that the topic has no more; the others are done', async () => {
    await admin.set(stream, 'not a stream');
    await admin.xadd('stream:{orders.created:3}', '*', 'n', '1');
    const after = await applyAll(binding(redis, topology), topology);
    expect(after.changes).toEqual([]);
    expect(after.notes.filter(({ level }) => level === 'problem')).toEqual([
      { level: 'problem', name: `events/stream/${stream}`, sentence: expect.stringMatching(/^the key holds a string/) },
      { level: 'problem', name: 'events/stream/stream:{orders.created:3}', sentence: expect.stringMatching(/fewer shards .* 1 entries/) },
    ]);
    expect(await admin.get(stream)).toBe('not a stream');
  });

  test('tells of a user without credentials in the binding, and makes the others', async () => {
    const { users, ...service } = binding(redis, topology).document.services.events!;
    const without = binding(redis, topology, { change: { users: { relay: users!.relay! } } });
    expect(service.kind).toBe('redis');
    const { changes, notes } = await applyAll(without, topology);
    expect(changes).toEqual([]);
    expect(await admin.call('ACL', 'USERS')).toEqual(['default', 'relay']);
    expect(notes.filter(({ level }) => level === 'problem').map(({ name }) => name)).toEqual([
      'events/user/inventory',
      'events/user/operator',
      'events/user/acme',
    ]);
  });

  test('says that users of a server without a file for them are gone after its restart', async () => {
    expect((await compare()).notes).toEqual([
      { level: 'info', name: `events/node/${redis.host}:${redis.port}`, sentence: expect.stringMatching(/aclfile/) },
    ]);
  });

  test('refuses to carry out what it has not found', async () => {
    await using driver = await openDriver(binding(redis, topology), topology);
    await driver.compare();
    await expect(driver.apply({ name: 'events/user/other', action: 'create', differences: [] })).rejects.toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
    });
  });
});

describe('users that the plan made', () => {
  const byPlan = { administration: { usersFrom: 'plan' as const } };

  test('are not touched, and those who cannot work are told of', async () => {
    await applyAll(binding(redis, topology), topology);
    await admin.call('ACL', 'SETUSER', 'inventory', 'resetkeys');
    await admin.call('ACL', 'SETUSER', 'relay', 'off');
    const { changes, notes } = await applyAll(binding(redis, topology, { change: byPlan }), topology);
    expect(changes).toEqual([]);
    expect(notes).toEqual([
      { level: 'problem', name: 'events/user/relay', sentence: expect.stringMatching(/refused the user or password/) },
      { level: 'problem', name: 'events/user/inventory', sentence: expect.stringMatching(/denied access/) },
    ]);
  });
});
