import { type Evidence, judge, type LedgerEntry } from '../../examples/order-service/demo/judge.ts';

const entry = (eventId: string, topic: string, place: number): LedgerEntry => ({ eventId, topic, customerId: 'customer-1', place });
const once = (...eventIds: string[]) => new Map(eventIds.map((eventId) => [eventId, 1]));

/** Two orders of one customer, the first of them paid; everything has happened once, in order. */
const sound: Evidence = {
  ledger: [entry('first', 'orders.created', 1), entry('paid', 'orders.updated', 2), entry('second', 'orders.created', 3)],
  subscriptions: { inventory: ['orders.created', 'orders.updated'], emails: ['orders.created'] },
  effects: { inventory: ['first', 'paid', 'second'], emails: ['first', 'second'] },
  deliveries: new Map([
    ['inventory', once('first', 'paid', 'second')],
    ['emails', once('first', 'second')],
  ]),
};
const clean = { lost: 0, twice: 0, orderViolations: 0, ghosts: 0 };

test('a sound run is found sound', () => {
  expect(judge(sound)).toEqual({ delivered: 5, duplicates: 0, effects: 5, ...clean });
});

test('a delivery that is repeated is a duplicate and breaks nothing', () => {
  const deliveries = new Map([...sound.deliveries, ['emails', new Map([...once('first', 'second'), ['first', 3]])]]);
  expect(judge({ ...sound, deliveries })).toMatchObject({ delivered: 7, duplicates: 2, ...clean });
});

test('an effect that is missing in one group is lost', () => {
  expect(judge({ ...sound, effects: { ...sound.effects, emails: ['second'] } })).toMatchObject({ ...clean, lost: 1 });
});

test('a group without any effect has lost all of them', () => {
  expect(judge({ ...sound, effects: { inventory: sound.effects.inventory! } })).toMatchObject({ ...clean, lost: 2 });
});

test('an effect that is repeated was applied twice', () => {
  const effects = { ...sound.effects, inventory: ['first', 'paid', 'first', 'second'] };
  expect(judge({ ...sound, effects })).toMatchObject({ ...clean, twice: 1 });
});

test('two events of one customer and topic in the opposite order of their commits are a violation', () => {
  expect(judge({ ...sound, effects: { ...sound.effects, emails: ['second', 'first'] } })).toMatchObject({ ...clean, orderViolations: 1 });
});

test('no order is promised between two topics', () => {
  expect(judge({ ...sound, effects: { ...sound.effects, inventory: ['paid', 'first', 'second'] } })).toMatchObject(clean);
});

test('no order is promised between two customers', () => {
  const ledger = [entry('first', 'orders.created', 5), { ...entry('second', 'orders.created', 1), customerId: 'customer-2' }];
  const effects = { inventory: ['first', 'second'], emails: ['first', 'second'] };
  expect(judge({ ...sound, ledger, effects, deliveries: new Map() })).toMatchObject(clean);
});

test('an event that nobody committed is a ghost, whether it took effect or was only delivered', () => {
  const effects = { ...sound.effects, emails: ['first', 'second', 'rolled back'] };
  const deliveries = new Map([...sound.deliveries, ['inventory', new Map([...once('first', 'paid', 'second'), ['abandoned', 1]])]]);
  expect(judge({ ...sound, effects, deliveries })).toMatchObject({ ...clean, ghosts: 2 });
});
