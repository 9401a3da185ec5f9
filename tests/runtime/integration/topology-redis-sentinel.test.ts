import type { Redis } from 'ioredis';
import type { LoadedBinding } from '../../../runtime/src/binding/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import { applyTopology } from '../../../runtime/src/topology/apply.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestSentinel, type TestAuthority, type TestRedis, type TestSentinel, testAuthority } from '../../support/servers.ts';
import { applyAll, clientAs, openDriver, sentinelBindingOf, topologyOn } from '../support/topology-redis.ts';

const topology = topologyOn(
  { orders: { consumers: [{ group: 'inventory' }] } },
  { inventory: { topics: ['orders'], groups: ['inventory'], access: 'consume' } },
);

let authority: TestAuthority;
let set: TestSentinel;
let binding: LoadedBinding;

beforeAll(async () => {
  authority = await testAuthority();
  set = await startTestSentinel({ tls: authority, aclFile: true });
  binding = sentinelBindingOf(set, topology);
});
afterAll(async () => {
  await set?.stop();
  await authority?.remove();
});

async function asked<T>(node: TestRedis, ask: (client: Redis) => Promise<T>, user = 'default', password = set.password): Promise<T> {
  const client = await clientAs(node, user, password);
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}

const compare = async () => {
  await using driver = await openDriver(binding, topology);
  return await driver.compare();
};
const addressOf = ({ host, port }: TestRedis) => `${host}:${port}`;

describe('users of a set with sentinels', () => {
  test('are made on every server, replicas too, and kept in their files', async () => {
    expect(await applyAll(binding, topology)).toEqual({ changes: [], notes: [] });
    for (const node of set.nodes) expect(await asked(node, (client) => client.ping(), 'inventory', 'of-inventory')).toBe('PONG');
  });

  test('that differ on one server are set right there; the difference names it', async () => {
    const [, second] = set.nodes;
    await asked(second!, (client) => client.call('ACL', 'SETUSER', 'inventory', '+flushall'));
    const { changes } = await compare();
    expect(changes).toMatchObject([
      { name: 'events/user/inventory', action: 'update', differences: [{ property: `commands on ${addressOf(second!)}` }] },
    ]);
    expect((await applyAll(binding, topology)).changes).toEqual([]);
  });

  test('that differ on every server in the same way are shown once', async () => {
    for (const node of set.nodes) await asked(node, (client) => client.call('ACL', 'SETUSER', 'inventory', '+flushall', '-xack'));
    const { changes } = await compare();
    expect(changes[0]!.differences).toEqual([{ property: 'commands', live: '+flushall', declared: '+xack' }]);
    expect((await applyAll(binding, topology)).changes).toEqual([]);
  });

  test('keep their rights on a server that is silent, which is a problem; they are narrowed when it answers', async () => {
    const narrow = topologyOn(
      { orders: { consumers: [{ group: 'inventory' }] } },
      { inventory: { topics: ['orders'], access: 'consume' } },
    );
    const master = await set.master();
    const silent = set.nodes.find(({ port }) => port !== master.port)!;
    const rights = () => asked(silent, (client) => client.xpending('stream:{orders:0}', 'inventory'), 'inventory', 'of-inventory');
    silent.pause();
    const { status, services } = await applyTopology({ binding, topology: narrow });
    silent.resume();
    expect([status, services[0]!.notes]).toEqual([
      'differs',
      [{ level: 'problem', name: `events/node/${addressOf(silent)}`, sentence: expect.stringMatching(/keeps those it had/) }],
    ]);
    expect(await rights()).toEqual([0, null, null, null]);
    const mended = await applyTopology({ binding, topology: narrow });
    expect([mended.status, mended.services[0]!.notes]).toEqual(['applied', []]);
    await expect(rights()).rejects.toThrow(/NOPERM/);
    expect((await applyAll(binding, topology)).changes).toEqual([]);
  });

  test('are made on the others while a server is down, which is told; and work after a fail-over', async () => {
    const master = await set.master();
    await master.kill();
    await eventually(async () => (await set.master()).port !== master.port, { what: 'another is master', timeoutMs: 20_000 });
    for (const node of set.nodes) {
      if (node !== master) await asked(node, (client) => client.call('ACL', 'DELUSER', 'inventory'));
    }
    const after = await eventually(() => applyAll(binding, topology), { what: 'the new master is reached', timeoutMs: 20_000 });
    expect(after).toEqual({
      changes: [],
      notes: [{ level: 'problem', name: `events/node/${addressOf(master)}`, sentence: expect.stringMatching(/could not be looked at/) }],
    });
    await using inventory = await connectRedis(binding.service('events').as('inventory'), { forStreams: true });
    expect(await inventory.client.exists('stream:{orders:0}')).toBe(1);
  });

  test('are made on a server that comes back', async () => {
    for (const node of set.nodes) await node.restart();
    await eventually(async () => (await applyAll(binding, topology)).changes.length === 0, { what: 'all are back', timeoutMs: 20_000 });
    expect(await compare()).toEqual({ changes: [], notes: [] });
    for (const node of set.nodes) expect(await asked(node, (client) => client.ping(), 'inventory', 'of-inventory')).toBe('PONG');
  });
});

test('a binding that names sentinels alone cannot have users: a problem, and groups are made all the same', async () => {
  const { endpoints, ...service } = binding.document.services.events!;
  const bare = { ...service, endpoints: endpoints.filter(({ purpose }) => purpose === 'sentinel') };
  const handle = binding.service('events');
  await using driver = await openDriver({ ...binding, service: () => ({ ...handle, service: bare }) }, topology);
  const { changes, notes } = await driver.compare();
  expect([changes, notes]).toEqual([[], [{ level: 'problem', name: 'events/user', sentence: expect.stringMatching(/only sentinels/) }]]);
});
