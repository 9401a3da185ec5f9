import { brokenInvariants, type Result, table } from '../../examples/order-service/demo/report.ts';

const kill = {
  what: 'active relay',
  victim: 'relay-1',
  atMs: 0,
  lanes: ['inventory a'],
  successor: 'relay-2',
  resumed: { firstMs: 900, allMs: 1_900 },
};
const latency = { count: 3, p50Ms: 4, p95Ms: 12, p99Ms: 1_500 };
const sound: Omit<Result, 'broken'> = {
  ordersCommitted: 2,
  transactionsRolledBack: 1,
  eventsCommitted: 3,
  verdict: { delivered: 5, duplicates: 0, effects: 5, lost: 0, twice: 0, orderViolations: 0, ghosts: 0 },
  latency: { all: latency, quiet: latency },
  kills: [kill, { ...kill, what: 'inventory consumer' }, { ...kill, what: 'Redis master' }],
};
const withVerdict = (changed: Partial<Result['verdict']>) => brokenInvariants({ ...sound, verdict: { ...sound.verdict, ...changed } }, []);
const withKill = (changed: Partial<Result['kills'][number]>) =>
  brokenInvariants({ ...sound, kills: [...sound.kills.slice(1), { ...kill, ...changed }] }, []);

test('a run in which everything holds breaks nothing', () => expect(brokenInvariants(sound, [])).toEqual([]));

test.each([
  ['a lost effect', withVerdict({ lost: 1 })],
  ['an effect applied twice', withVerdict({ twice: 1 })],
  ['an order violation', withVerdict({ orderViolations: 1 })],
  ['an event that nobody committed', withVerdict({ ghosts: 1 })],
  ['a run without orders', brokenInvariants({ ...sound, ordersCommitted: 0 }, [])],
  ['a run without rollbacks', brokenInvariants({ ...sound, transactionsRolledBack: 0 }, [])],
  ['a kill that was not done', brokenInvariants({ ...sound, kills: sound.kills.slice(1) }, [])],
  ['a kill of somebody idle', withKill({ lanes: [] })],
  ['a kill after which nothing flows', withKill({ resumed: undefined })],
  ['a kill after which nobody takes over', withKill({ successor: undefined })],
  ['a process that ended by itself', brokenInvariants(sound, ['writer-1 ended by itself with exit code 1'])],
])('%s fails the demo', (_, broken) => expect(broken).toHaveLength(1));

test('the table says what is broken', () => {
  const plain = { good: (text: string) => text, bad: (text: string) => text };
  expect(table({ ...sound, broken: [] }, plain)).toContain('Every invariant holds.');
  expect(table({ ...sound, broken: ['effects lost: 3'] }, plain)).toMatch(/BROKEN {2}effects lost: 3/);
});
