import type { Patch } from './build.ts';
import type { Invariant } from './invariants.ts';
import type { Scenario } from './scenarios.ts';
import * as scenarios from './scenarios.ts';

/** A mistake in a source file of the runtime, and what shows it. */
export interface SeededBug extends Patch {
  readonly name: string;
  /** The smallest run that needs what the bug has taken away. */
  readonly scenario: Scenario;
  /** Exactly these do not hold then; on the true build all do. */
  readonly violates: readonly Invariant[];
  /** The server that it runs on. @default redis */
  readonly on?: 'redis' | 'forgetful redis' | 'evicting redis' | 'kafka' | 'rabbitmq';
}

export const seededBugs: readonly SeededBug[] = [
  {
    name: 'the cursor looks at ids alone',
    file: 'outbox/gaps.ts',
    find: 'this.#gaps.push({ from, to, ended: false });',
    replace: 'void from, to;',
    scenario: scenarios.lateCommit,
    violates: ['every committed event is delivered', 'a replay gives what was published'],
  },
  {
    name: 'progress is noted before the broker has acknowledged',
    file: 'outbox/life.ts',
    find: 'let remaining = this.#holdBack(mine);',
    replace: 'let remaining = this.#holdBack(mine); this.#position.complete(page);',
    scenario: scenarios.relayKilledBeforePublishing,
    violates: ['every committed event is delivered', 'a replay gives what was published'],
  },
  {
    name: 'a consumer acknowledges before its handler has ended',
    file: 'consuming/attempt.ts',
    find: 'await handle(settings, deliveries);',
    replace: 'Promise.resolve(handle(settings, deliveries)).catch(() => undefined);',
    scenario: scenarios.consumerKilledBeforeEffect,
    violates: ['effects happen exactly once'],
  },
  {
    name: 'a consumer commits what has begun',
    file: 'transports/kafka/messages.ts',
    find: 'begin(held, { id, attempt }) {',
    replace: 'begin(held, { id, attempt }) { finish(held, id);',
    scenario: scenarios.consumerKilledBeforeEffect,
    violates: ['effects happen exactly once'],
    on: 'kafka',
  },
  {
    name: 'no inbox',
    file: 'inbox/once.ts',
    find: "const fresh = deliveries.filter((_, i) => taken[i] === 'new');",
    replace: 'const fresh = [...deliveries];',
    scenario: scenarios.consumerKilledAfterEffect,
    violates: ['effects happen exactly once'],
  },
  {
    name: 'a relay is not superseded by the broker',
    file: 'transports/redis-streams/publish.lua.ts',
    find: "if stored[1] and stored[1] > epoch then return redis.error_reply('FENCED ' .. stored[1]) end",
    replace: 'if stored[1] and stored[1] > epoch then epoch = stored[1] end',
    scenario: scenarios.relayHeldBeyondItsLease,
    violates: ['a superseded relay publishes nothing'],
  },
  {
    name: 'nobody asks whether the broker is the same',
    file: 'outbox/broker.ts',
    find: 'if (position.incarnation !== null && incarnation !== position.incarnation) return true;',
    replace: '',
    scenario: scenarios.brokerComesBackEmpty,
    violates: ['every committed event is delivered'],
    on: 'forgetful redis',
  },
  {
    name: 'an evicting Redis is accepted',
    file: 'connections/redis/connectors.ts',
    find: "if (info.maxmemory_policy === 'noeviction') return undefined;",
    replace: 'if (info.maxmemory_policy) return undefined;',
    scenario: scenarios.evicted,
    violates: ['every committed event is delivered'],
    on: 'evicting redis',
  },
  {
    name: 'a consumer that is bound to a tenant reads them all',
    file: 'transports/redis-streams/tenants.ts',
    find: 'const tenants = tenant === undefined ?',
    replace: 'const tenants = tenant !== null ?',
    scenario: scenarios.twoTenants,
    violates: ['no tenant sees events of another'],
  },
  {
    name: 'events of a key do not wait for each other',
    file: 'consuming/source.ts',
    find: 'const key = keyOf(entry);',
    replace: 'const key = keyOf({ ...entry, event: { ...entry.event, partitionkey: entry.id } } as typeof entry);',
    scenario: scenarios.slowFirst,
    violates: ['events of a key come in order'],
  },
  {
    name: 'enqueue commits by itself',
    file: 'outbox/enqueue.ts',
    find: 'return columns[0] as string[];',
    replace: "await (transaction as { query(sql: string): Promise<unknown> }).query('commit; begin'); return columns[0] as string[];",
    scenario: scenarios.rolledBack,
    violates: ['no event that was not committed is seen'],
  },
  {
    name: 'ids that were rolled back are waited for without end',
    file: 'outbox/gaps.ts',
    find: 'return dead ? []',
    replace: 'return dead && seen === null ? []',
    scenario: scenarios.rolledBack,
    violates: ['the log is drained'],
  },
  {
    name: 'an event is given up at its first failure',
    file: 'consuming/attempt.ts',
    find: "if (message.attempt < topic.retry.attempts && !isMillraceError(error, 'EVENT_REJECTED')) return 'again';",
    replace: '',
    scenario: scenarios.oneFailure,
    violates: ['dead letters are the poisoned events'],
  },
  {
    name: 'a replay leaves out the last event of each page',
    file: 'replay/pages.ts',
    find: 'where o.id > $1 and o.id <= $2 and',
    replace: 'where o.id > $1 and o.id < $2 and',
    scenario: scenarios.plainEvents,
    violates: ['a replay gives what was published'],
  },
  {
    name: 'a relay that takes over begins from the start',
    file: 'outbox/sink.ts',
    find: 'low: Number(row.low),',
    replace: 'low: 0,',
    scenario: scenarios.takeOver,
    violates: ['duplicates are bounded'],
  },
  {
    name: 'messages are not mandatory',
    file: 'connections/rabbitmq/publisher.ts',
    find: '{ persistent: true, mandatory: true, ...options, messageId }',
    replace: '{ persistent: true, mandatory: false, ...options, messageId }',
    scenario: scenarios.unbound,
    violates: ['every committed event is delivered'],
    on: 'rabbitmq',
  },
];

/** Settings of the Redis that a bug is shown on. */
export const redisSettings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'forgetful redis': { appendonly: 'no', save: '""' },
  'evicting redis': { appendonly: 'no', save: '""', 'maxmemory-policy': 'allkeys-lru' },
};
