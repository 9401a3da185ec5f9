import { Gaps } from '../../../runtime/src/outbox/gaps.ts';

function gapsOf(...ranges: [number, number][]): Gaps {
  const gaps = new Gaps();
  for (const [from, to] of ranges) gaps.add(from, to);
  return gaps;
}
const ranges = (gaps: Gaps) => gaps.all().map(({ from, to }) => [from, to]);
const read = (
  gaps: Gaps,
  reading: { found?: number[]; xmin?: bigint; truncated?: boolean } = {},
  ended = new Set<Gaps['all'] extends () => readonly (infer G)[] ? G : never>(),
) => gaps.settle(gaps.all(), ended, { found: [], xmin: 0n, truncated: false, ...reading });

test('rows that appear leave their gaps', () => {
  const gaps = gapsOf([1, 4], [6, 7], [10, 20]);
  read(gaps, { found: [1, 6, 12, 19] });
  expect(ranges(gaps)).toEqual([
    [2, 4],
    [10, 12],
    [13, 19],
  ]);
  expect(gaps.ids).toBe(2 + 2 + 6);
});

test('a gap is dead once xmin has reached its bound, and not before', () => {
  const gaps = gapsOf([1, 2], [3, 4]);
  Gaps.bindTo([gaps.all()[0]!], 100n);
  read(gaps, { xmin: 99n });
  expect(gaps.size).toBe(2);
  read(gaps, { xmin: 100n });
  expect(ranges(gaps)).toEqual([[3, 4]]);
});

test('a bound that is known stays: a later one would only hold the gap up', () => {
  const gaps = gapsOf([1, 2]);
  Gaps.bindTo(gaps.all(), 100n);
  Gaps.bindTo(gaps.all(), 200n);
  expect(gaps.all()[0]!.bound).toBe(100n);
  expect(gaps.unbound()).toEqual([]);
});

test('a row that is found in the very reading that ends its gap is not lost with it', () => {
  const gaps = gapsOf([1, 4]);
  Gaps.bindTo(gaps.all(), 100n);
  read(gaps, { found: [2], xmin: 100n });
  expect(gaps.size).toBe(0); // 2 is published by the page, 1 and 3 are dead
});

test('a reading that was cut off gives nothing up', () => {
  const gaps = gapsOf([1, 4], [6, 9]);
  Gaps.bindTo(gaps.all(), 100n);
  read(gaps, { found: [1], xmin: 100n, truncated: true });
  expect(ranges(gaps)).toEqual([
    [2, 4],
    [6, 9],
  ]);
  expect(gaps.all().map(({ bound }) => bound)).toEqual([100n, 100n]);
});

test('gaps that were added while the statement was under way are left alone', () => {
  const gaps = gapsOf([1, 2]);
  Gaps.bindTo(gaps.all(), 100n);
  const sent = gaps.all();
  gaps.add(5, 6);
  gaps.settle(sent, new Set(), { found: [], xmin: 500n, truncated: false });
  expect(ranges(gaps)).toEqual([[5, 6]]);
});

test('by the locks a gap ends when all that held the table when they were first looked at have gone', () => {
  const gaps = gapsOf([1, 2]);
  const note = (...holders: string[]) => Gaps.noteOwners(gaps.all(), new Set(holders));
  note('7', '8');
  expect(gaps.all()[0]!.ended).toBe(false);
  note('8', '9');
  expect(gaps.all()[0]!.ended).toBe(false);
  note('9');
  expect(gaps.all()[0]!.ended).toBe(true);
  note('8', '9');
  expect(gaps.all()[0]!.ended).toBe(true);
});

test('a gap whose owners have ended is dead in the next statement that is sent, not in one under way', () => {
  const gaps = gapsOf([1, 2]);
  const [gap] = gaps.all();
  const endedWhenSent = new Set<typeof gap & object>();
  Gaps.noteOwners(gaps.all(), new Set());
  Gaps.noteOwners(gaps.all(), new Set());
  expect(gap!.ended).toBe(true);
  gaps.settle(gaps.all(), endedWhenSent, { found: [], xmin: 0n, truncated: false });
  expect(gaps.size).toBe(1);
  gaps.settle(gaps.all(), new Set(gaps.all()), { found: [], xmin: 0n, truncated: false });
  expect(gaps.size).toBe(0);
});

test('what is left of a gap keeps what is known of its owners', () => {
  const gaps = gapsOf([1, 10]);
  Gaps.bindTo(gaps.all(), 100n);
  Gaps.noteOwners(gaps.all(), new Set(['7']));
  read(gaps, { found: [5] });
  expect(gaps.all()).toEqual([
    { from: 1, to: 5, bound: 100n, owners: new Set(['7']), ended: false },
    { from: 6, to: 10, bound: 100n, owners: new Set(['7']), ended: false },
  ]);
});
