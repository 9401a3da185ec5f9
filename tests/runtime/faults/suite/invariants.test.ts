import type { Entry, Evidence } from './evidence.ts';
import { type Invariant, invariants, violations } from './invariants.ts';

const entry = (id: string, n: number, more: Partial<Entry> = {}): Entry => ({
  ...{ id, n, topic: 'orders', key: 'k', tenant: 'north', amount: 10 * n, kind: 'plain' },
  ...more,
});

const a = entry('a', 1);
const b = entry('b', 2);
const poisoned = entry('p', 3, { kind: 'kills' });
const undone = entry('undone', 3);
const ledger = [a, b, poisoned];

const publication = (id: string, epoch: bigint, sentMs: number) => ({ id, epoch, sentMs, ackedMs: sentMs + 1 });
const delivery = (id: string, atMs: number, bound = '') => ({ id, group: 'stock', bound, atMs });
const effect = ({ id, amount }: Entry) => ({ id, group: 'stock', amount });

/** Two plain events and a poisoned one, and nothing went wrong. */
const sound: Evidence = {
  owed: [{ group: 'stock', topic: 'orders' }],
  ledger,
  enqueued: new Map([...ledger, undone].map((each) => [each.id, each])),
  committed: new Set(['a', 'b', 'p']),
  published: [publication('a', 1n, 1), publication('b', 1n, 2), publication('p', 2n, 3)],
  delivered: [delivery('a', 2), delivery('b', 3), delivery('p', 4), delivery('p', 5)],
  failed: [],
  applied: new Set(['stock a', 'stock b']),
  effects: [effect(a), effect(b)],
  deadLetters: [{ id: 'p', group: 'stock' }],
  waiting: [],
  replayed: { topic: 'orders', ids: new Set(['a', 'b', 'p']) },
  repaired: new Set(),
  duplicatesAllowed: 0,
  fencing: true,
  mayForget: false,
};

test('what went well violates nothing', () => {
  expect(violations(sound)).toEqual(new Map());
});

const faults: Record<string, { change: Partial<Evidence>; violates: readonly Invariant[] }> = {
  'a committed event that no consumer was given': {
    change: { delivered: sound.delivered.filter(({ id }) => id !== 'b'), effects: [effect(a)] },
    violates: ['every committed event is delivered'],
  },
  'a commit that the database has forgotten': {
    change: { committed: new Set(['a', 'b', 'p', 'undone']) },
    violates: ['every committed event is delivered'],
  },
  'a rolled-back event that was delivered': {
    change: { delivered: [...sound.delivered, delivery('undone', 9)] },
    violates: ['no event that was not committed is seen'],
  },
  'a delivery that overtook another': {
    change: { delivered: [delivery('b', 2), delivery('a', 3), delivery('p', 4)] },
    violates: ['events of a key come in order'],
  },
  'an effect that overtook another': { change: { effects: [effect(b), effect(a)] }, violates: ['events of a key come in order'] },
  'an effect that happened twice': { change: { effects: [effect(a), effect(b), effect(a)] }, violates: ['effects happen exactly once'] },
  'an effect that is missing': { change: { effects: [effect(a)] }, violates: ['effects happen exactly once'] },
  'an effect of another amount': {
    change: { effects: [effect(a), { ...effect(b), amount: 7 }] },
    violates: ['effects happen exactly once'],
  },
  'a log that still holds events': { change: { waiting: ['the sink is at 3 of 4'] }, violates: ['the log is drained'] },
  'a poisoned event that was not set aside': { change: { deadLetters: [] }, violates: ['dead letters are the poisoned events'] },
  'a sound event that was given up': {
    change: { deadLetters: [...sound.deadLetters, { id: 'b', group: 'stock' }], effects: [effect(a)] },
    violates: ['dead letters are the poisoned events'],
  },
  'a published event that no replay brings': {
    change: { replayed: { topic: 'orders', ids: new Set(['a', 'p']) } },
    violates: ['a replay gives what was published'],
  },
  'a replayed event that was never published': {
    change: { replayed: { topic: 'orders', ids: new Set(['a', 'b', 'p', 'undone']) } },
    violates: ['a replay gives what was published'],
  },
  'an event of another tenant': {
    change: { delivered: sound.delivered.map((each) => ({ ...each, bound: 'south' })) },
    violates: ['no tenant sees events of another'],
  },
  'a duplicate that nothing explains': {
    change: { delivered: [...sound.delivered, delivery('a', 9)] },
    violates: ['duplicates are bounded'],
  },
  'an acknowledgement of an older epoch after one of a newer': {
    change: { published: [...sound.published, publication('a', 1n, 9)] },
    violates: ['a superseded relay publishes nothing'],
  },
};

test.each(Object.entries(faults))('%s is found, and nothing else', (_, { change, violates }) => {
  expect([...violations({ ...sound, ...change }).keys()]).toEqual(violates);
});

test('each invariant is violated by one of these', () => {
  expect(new Set(Object.values(faults).flatMap(({ violates }) => violates))).toEqual(new Set(Object.keys(invariants)));
});

test('what an asynchronous standby has forgotten owes nothing, and is no ghost', () => {
  const forgetful = { ...sound, mayForget: true, ledger: [a, poisoned], replayed: { topic: 'orders', ids: new Set(['a', 'p']) } };
  expect(violations(forgetful)).toEqual(new Map());
  expect(
    violations({ ...forgetful, effects: [], applied: new Set() })
      .keys()
      .next().value,
  ).toBe('effects happen exactly once');
});

test('effects that a standby has forgotten are owed where a replay brings them again, and may come late', () => {
  const forgetful = { ...sound, mayForget: true };
  expect([...violations({ ...forgetful, effects: [effect(b)] }).keys()]).toEqual(['effects happen exactly once']);
  const late = { ...forgetful, effects: [effect(b), effect(a)] };
  expect([...violations(late).keys()]).toEqual(['events of a key come in order']);
  expect(violations({ ...late, repaired: new Set(['a']) })).toEqual(new Map());
  const elsewhere = { ...forgetful, effects: [], replayed: { topic: 'others', ids: new Set<string>() } };
  expect(violations(elsewhere)).toEqual(new Map());
});

test('a broker without fences is not asked for them', () => {
  expect(violations({ ...sound, fencing: false, published: [...sound.published, publication('a', 1n, 9)] })).toEqual(new Map());
});

test('a tenant is owed its own events and no others', () => {
  const south = entry('s', 1, { tenant: 'south', key: 'other' });
  const evidence = { ...sound, owed: [{ group: 'stock', topic: 'orders', tenant: 'north' }], ledger: [...ledger, south] };
  expect(violations({ ...evidence, enqueued: new Map([...evidence.enqueued, ['s', south]]) })).toEqual(new Map());
});

test('a delivery that follows a failed attempt is no duplicate', () => {
  const again = { ...sound, delivered: [...sound.delivered, delivery('a', 9)] };
  expect(violations({ ...again, failed: [{ id: 'a', group: 'stock' }] })).toEqual(new Map());
});

test('an effect whose delivery was redriven or came before it was given up is no fault', () => {
  expect(violations({ ...sound, effects: [...sound.effects, effect(poisoned)] })).toEqual(new Map());
});
