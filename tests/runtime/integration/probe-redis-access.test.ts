import type { Redis } from 'ioredis';
import type { LoadedBinding } from '../../../runtime/src/binding/index.ts';
import { tenantsKey } from '../../../runtime/src/contracts/topology.ts';
import { openLooks } from '../../../runtime/src/probe/open.ts';
import { sampleOnce } from '../../../runtime/src/probe/probe.ts';
import type { TestRedis } from '../../support/servers.ts';
import { applyAll, attempt, bindingOf, clientAs, onUntouchedRedis, refusal, topologyOn } from '../support/topology-redis.ts';

let redis: TestRedis;
let admin: Redis;
onUntouchedRedis((started) => ({ redis, admin } = started));

const topics = {
  orders: { shards: 2, consumers: [{ group: 'books' }], onExhausted: 'block', volume: { eventsPerDay: 100 } },
  chat: { isolation: 'tenant', consumers: [{ group: 'books' }] },
};
const declared = topologyOn(topics, { probe: { topics: Object.keys(topics), access: 'observe' } });
const stream = 'stream:{orders:0}';

let binding: LoadedBinding;
let probe: Redis;
beforeEach(async () => {
  binding = bindingOf(redis, declared);
  await applyAll(binding, declared);
  await admin.xadd(stream, '*', 'n', '1');
  await admin.xadd(stream, '*', 'n', '2');
  await admin.xreadgroup('GROUP', 'books', 'c', 'COUNT', 1, 'STREAMS', stream, '>');
  await admin.sadd(tenantsKey('chat'), 'acme');
  await admin.xadd('tenant:{acme}:stream:chat', '*', 'n', '1');
  await admin.xadd(`${stream}:dead:books`, '*', 'n', '1');
  await admin.sadd(`${stream}:blocked:books`, 'k');
  await admin.set('of-others', '1');
  probe = await clientAs(redis, 'probe', 'of-probe');
});
afterEach(() => probe?.disconnect());

test('the user of the probe may do all that a look does, and it is this user who comes', async () => {
  await using looks = await opened();
  await admin.call('ACL', 'LOG', 'RESET');
  const [outcome] = await sampleOnce(looks.all);
  expect(outcome!.error).toBeUndefined();
  const told = new Set(outcome!.samples.map(({ signal }) => signal));
  expect([...told]).toEqual(
    expect.arrayContaining(['redis.stream.oldest_waiting_age', 'redis.stream.blocked_keys', 'redis.memory.used_ratio']),
  );
  expect(await admin.call('ACL', 'LOG')).toEqual([]);
  expect(await admin.client('LIST')).toMatch(/name=millrace-probe .*user=probe/);
});

test.each([
  ['add to a stream', ['XADD', stream, '*', 'n', '1']],
  ['read in a group', ['XREADGROUP', 'GROUP', 'books', 'me', 'STREAMS', stream, '>']],
  ['read on', ['XREAD', 'STREAMS', stream, '0']],
  ['acknowledge', ['XACK', stream, 'books', '1-1']],
  ['claim', ['XCLAIM', stream, 'books', 'me', '0', '1-1']],
  ['make a group', ['XGROUP', 'CREATE', stream, 'mine', '0']],
  ['destroy a group', ['XGROUP', 'DESTROY', stream, 'books']],
  ['trim', ['XTRIM', stream, 'MAXLEN', '0']],
  ['delete', ['DEL', stream]],
  ['read what was given up', ['XRANGE', `${stream}:dead:books`, '-', '+']],
  ['release a key', ['SREM', `${stream}:blocked:books`, 'k']],
  ['read the blocked keys', ['SMEMBERS', `${stream}:blocked:books`]],
  ['enter a tenant', ['SADD', 'tenants:{chat}', 'x']],
  ['run a script', ['EVAL', 'return 1', '0']],
  ['list keys', ['KEYS', '*']],
  ['walk over keys', ['SCAN', '0']],
  ['read what belongs to others', ['GET', 'of-others']],
  ['learn whether others have a key', ['EXISTS', 'of-others']],
  ['look into a stream of no declared topic', ['XINFO', 'STREAM', 'stream:{other:0}']],
  ['change the server', ['CONFIG', 'SET', 'maxmemory', '1']],
  ['see who else is there', ['CLIENT', 'LIST']],
  ['listen to a channel', ['SUBSCRIBE', 'tenant:{acme}:channel:chat']],
])('it may not %s', async (_, command) => {
  await expect(attempt(probe, command)).rejects.toThrow(refusal);
});

test('a user bound to a tenant sees the streams of this tenant alone', async () => {
  const bound = topologyOn(topics, { eye: { topics: ['chat'], access: 'observe', tenant: 'acme' } });
  await applyAll(bindingOf(redis, bound), bound);
  const eye = await clientAs(redis, 'eye', 'of-eye');
  try {
    expect(await eye.xinfo('STREAM', 'tenant:{acme}:stream:chat')).toContain('length');
    for (const key of ['tenant:{acme-labs}:stream:chat', tenantsKey('chat'), stream])
      await expect(attempt(eye, ['EXISTS', key])).rejects.toThrow(refusal);
  } finally {
    eye.disconnect();
  }
});

test('a service without such a user is looked at as whoever its binding names', async () => {
  const plain = bindingOf(redis, topologyOn(topics));
  await using looks = await opened(plain);
  expect((await sampleOnce(looks.all))[0]!.error).toBeUndefined();
  expect(await admin.client('LIST')).toMatch(/name=millrace-probe .*user=default/);
});

async function opened(from = binding) {
  const all = await openLooks(from, declared);
  return {
    all,
    [Symbol.asyncDispose]: async () => {
      for (const look of all) await look[Symbol.asyncDispose]();
    },
  };
}
