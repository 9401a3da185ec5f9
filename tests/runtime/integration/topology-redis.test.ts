import type { Redis } from 'ioredis';
import { applyTopology } from '../../../runtime/src/topology/apply.ts';
import type { Change } from '../../../runtime/src/topology/driver.ts';
import type { TestRedis } from '../../support/servers.ts';
import { applyAll, bindingOf, clientAs, onUntouchedRedis, openDriver, type Passwords, topologyOn } from '../support/topology-redis.ts';

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

onUntouchedRedis((started) => {
  ({ redis, admin } = started);
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

  test('tells of a key that is no stream, and of a register that is no set; the others are done', async () => {
    await admin.set(stream, 'not a stream');
    await admin.set('tenants:{chat}', 'not a set');
    const after = await applyAll(binding(redis, topology), topology);
    expect(after.changes).toEqual([]);
    expect(after.notes.filter(({ level }) => level === 'problem')).toEqual([
      { level: 'problem', name: `events/stream/${stream}`, sentence: expect.stringMatching(/^the key holds a string/) },
      { level: 'problem', name: 'events/tenant/chat', sentence: expect.stringMatching(/^tenants:\{chat\} holds a string/) },
    ]);
    expect(await admin.get(stream)).toBe('not a stream');
    expect(await admin.call('ACL', 'USERS')).toHaveLength(5);
  });

  test('fails with the change of a user whose secret cannot be read, and makes the others', async () => {
    const passwords: Passwords = {};
    const bound = binding(redis, topology, { passwords });
    delete passwords.relay;
    const { status, services } = await applyTopology({ binding: bound, topology });
    expect(status).toBe('failed');
    const failed = services[0]!.changes.filter(({ state }) => state !== 'applied');
    expect(failed).toMatchObject([{ name: 'events/user/relay', state: 'failed', error: { code: 'SECRET_UNAVAILABLE' } }]);
    expect(await admin.call('ACL', 'USERS')).toEqual(['acme', 'default', 'inventory', 'operator']);
  });

  test('shows what a user may do and should not, and what it lacks, in the order of the declaration', async () => {
    await applyAll(binding(redis, topology), topology);
    const taken = ['~stream:{orders.created:0}', '~stream:{orders.created:0}:fence', '~stream:{orders.created:1}'];
    await admin.call('ACL', 'SETUSER', 'relay', '+flushall', '-evalsha', '-xadd', 'resetkeys', '~other', '(+@all ~b ~a)', '(+get ~c)');
    const { changes } = await compare();
    expect(changes).toHaveLength(1);
    const [commands, keys, selectors, ...others] = changes[0]!.differences;
    expect(commands).toEqual({ property: 'commands', live: '+flushall', declared: '+evalsha +xadd' });
    expect(keys).toMatchObject({ property: 'keys', live: '~other', declared: expect.stringMatching(/^~stream/) });
    expect(keys!.declared!.split(' ').slice(0, 3)).toEqual(taken);
    expect(selectors).toEqual({ property: 'selectors', live: '(+@all ~a ~b) (+get ~c)', declared: undefined });
    expect(others).toEqual([]);
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

describe('the user default', () => {
  const password = () => `>${redis.password}`;
  const problems = async () => (await compare()).notes.filter(({ level }) => level === 'problem');

  afterEach(() => admin.call('ACL', 'SETUSER', 'default', 'reset', 'on', password(), '~*', '&*', '+@all'));

  test('is told of when it lets in anyone, has a second password, or may do less than everything', async () => {
    const warned = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const byHand = [
      [['nopass'], /lets in whoever connects.* on 127\.0\.0\.1:\d+$/],
      [['>second'], /has 2 passwords/],
      [['-flushall'], /may not do everything/],
    ] as const;
    for (const [rules, sentence] of byHand) {
      await admin.call('ACL', 'SETUSER', 'default', ...rules);
      expect(await problems()).toEqual([{ level: 'problem', name: 'events/user/default', sentence: expect.stringMatching(sentence) }]);
      await admin.call('ACL', 'SETUSER', 'default', 'reset', 'on', password(), '~*', '&*', '+@all');
      expect(await problems()).toEqual([]);
    }
    warned.mockRestore();
  });

  test('must be off where the binding comes in the name of another', async () => {
    await admin.call('ACL', 'SETUSER', 'app', 'on', password(), '~*', '&*', '+@all');
    const auth = { mode: 'password', username: 'app', secretRef: { from: 'env', id: 'ADMIN' } } as const;
    await using driver = await openDriver(binding(redis, topology, { change: { auth } }), topology);
    const found = async () => (await driver.compare()).notes.filter(({ level }) => level === 'problem').map(({ sentence }) => sentence);
    expect(await found()).toEqual([expect.stringMatching(/^is on, and nobody should come in its name/)]);
    await admin.call('ACL', 'SETUSER', 'default', 'off', 'resetpass');
    expect(await found()).toEqual([]);
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
