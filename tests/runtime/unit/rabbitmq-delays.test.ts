import { delayedRoute, delayedTopicRoute } from '../../../runtime/src/connections/rabbitmq/delays.ts';
import {
  belowLevel,
  delayLevel,
  delayLevels,
  dueBindingKey,
  dueExchange,
  levelBindingKey,
} from '../../../runtime/src/contracts/rabbit-delays.ts';
import { eventBindingKey, eventRoutingKey, isTenantQueue, tenantWord } from '../../../runtime/src/contracts/rabbit-names.ts';

/** Whether a topic exchange lets a key through: `*` is one word, `#` any number. */
function matches(pattern: string, key: string): boolean {
  const expression = pattern.split('.').map((word) => (word === '*' ? '[^.]*' : word.replace(/[\\^$|?+()[\]{}]/g, '\\$&')));
  return new RegExp(`^${expression.join('\\.').replace(/\\\.#$/, '(\\..*)?')}$`).test(key);
}

/** The seconds that a message waits on its way down, and the exchange where it ends. */
function walk({ exchange, routingKey }: { exchange: string; routingKey: string }): { seconds: number; end: string } {
  let seconds = 0;
  let at = exchange;
  for (let level = delayLevels - 1; level >= 0; level--) {
    if (at !== delayLevel(level)) continue;
    const stays = matches(levelBindingKey(level, 1), routingKey);
    expect(matches(levelBindingKey(level, 0), routingKey)).toBe(!stays);
    if (stays) seconds += 2 ** level;
    at = belowLevel(level);
  }
  return { seconds, end: at };
}

test.each([
  [1, 1],
  [999, 1],
  [1_000, 1],
  [1_001, 2],
  [6_000, 6],
  [300_000, 300],
  [86_400_000, 86_400],
  [1_048_575_000, 1_048_575],
])('a delay of %i ms waits %i s, and is due for its queue alone', (delayMs, seconds) => {
  const route = delayedRoute('mails', delayMs);
  expect(walk(route)).toEqual({ seconds, end: dueExchange });
  expect(matches(dueBindingKey({ queue: 'mails' }), route.routingKey)).toBe(true);
  expect(matches(dueBindingKey({ queue: 'mails.x' }), route.routingKey)).toBe(false);
});

test('it enters the ladder at the highest level that it waits in', () => {
  expect(delayedRoute('mails', 5_000).exchange).toBe('millrace.delay.2');
});

test('no delay is the queue itself, or the exchange of the topic', () => {
  expect(delayedRoute('mails', 0)).toEqual({ exchange: '', routingKey: 'mails' });
  expect(delayedTopicRoute({ topic: 'orders', shard: 3, tenant: 'a.b' }, 0)).toEqual({ exchange: 'orders', routingKey: '3.a%2Eb' });
});

test.each([Number.NaN, 1_048_575_001, Number.POSITIVE_INFINITY])('a delay of %p ms is refused', (delayMs) => {
  expect(() => delayedRoute('mails', delayMs)).toThrow(expect.objectContaining({ code: 'DELAY_UNSUPPORTED' }));
});

test('what is due for a topic reaches its own shards and tenants, whatever names are part of others', () => {
  const target = { topic: 'b', shard: 0, tenant: 'acme' };
  const { routingKey } = delayedTopicRoute(target, 7_000);
  expect(matches(dueBindingKey({ topic: 'b', shard: 0 }), routingKey)).toBe(true);
  expect(matches(dueBindingKey(target), routingKey)).toBe(true);
  for (const other of [{ topic: 'b', shard: 1 }, { ...target, tenant: 'globex' }, { topic: 'a', shard: 0 }, { queue: 'acme' }]) {
    expect(matches(dueBindingKey(other), routingKey)).toBe(false);
  }
  const longer = delayedTopicRoute({ topic: 'a.topic.b', shard: 0, tenant: 'acme' }, 7_000);
  expect(matches(dueBindingKey({ topic: 'b', shard: 0 }), longer.routingKey)).toBe(false);
});

test('a tenant is one word that means itself; two tenants never share one', () => {
  const tenants = ['acme', 'a.b', 'a*', '#', '-', '--', 'a%2Eb', "it's", 'ü', '~', 'a b', '!()'];
  const words = tenants.map((tenant) => tenantWord(tenant)!);
  expect(new Set(words).size).toBe(tenants.length);
  for (const word of words) expect(word).toMatch(/^[A-Za-z0-9%_-]+$/);
  expect([tenantWord('-'), eventRoutingKey(2, undefined)]).toEqual(['%2D', '2.-']);
  for (const unusable of ['', 'x'.repeat(65), 'ä'.repeat(20), '\uD800']) expect(tenantWord(unusable)).toBeUndefined();
  expect(eventRoutingKey(0, 'x'.repeat(65))).toBe('0.-');
  expect([eventBindingKey(4), eventBindingKey(4, 'a.b')]).toEqual(['4.*', '4.a%2Eb']);
});

test.each([
  ['chat.web@acme.0', true],
  ['chat.web@acme.12.attempts', true],
  ['chat.dead.web@acme', true],
  ['chat.web.0', false],
  ['chat.x.web@acme.0', false],
  ['other.web@acme.0', false],
])('%s is a queue of a tenant of topic chat: %p', (queue, expected) => expect(isTenantQueue('chat', queue)).toBe(expected));
