import type { LogRow, Page } from '../../../runtime/src/outbox/log.ts';
import { Position, rewindTarget } from '../../../runtime/src/outbox/progress.ts';

const start = { low: 0, done: [], incarnation: null, marks: [] };
const row = (id: number): LogRow => ({ id, topic: 't', key: undefined, event: { id: String(id), source: '', type: '', time: '' } });
const page = (rows: number[], late: number[] = []): Page => ({
  ...{ late: late.map(row), rows: rows.map(row), truncated: false, full: false, xmin: 0n, postmasterStart: '' },
});

test('a page counts as done when it is complete, not when it is read', () => {
  const position = new Position(start);
  const first = page([1, 2, 3]);
  position.absorb(first);
  expect(position.high).toBe(3);
  expect(position.snapshot()).toMatchObject({ low: 0, done: [] });
  position.complete(first);
  expect(position.snapshot()).toMatchObject({ low: 3, done: [] });
});

test('ids that were skipped hold low back, and what lies above them is done', () => {
  const position = new Position(start);
  const first = page([1, 3, 7]);
  position.absorb(first);
  position.complete(first);
  expect(position.gaps.all().map(({ from, to }) => [from, to])).toEqual([
    [2, 3],
    [4, 7],
  ]);
  expect(position.snapshot()).toMatchObject({
    low: 1,
    done: [
      [3, 4],
      [7, 8],
    ],
  });
});

test('a late row is done when it is published, not when it is read', () => {
  const position = new Position(start);
  const first = page([2]);
  position.absorb(first);
  position.complete(first);
  const late = page([], [1]);
  position.gaps.settle(position.gaps.all(), new Set(), { found: [1], xmin: 0n, truncated: false });
  position.absorb(late);
  expect(position.snapshot()).toMatchObject({ low: 0, done: [[2, 3]] });
  position.complete(late);
  expect(position.snapshot()).toMatchObject({ low: 2, done: [] });
});

test('a page that is read while another is published does not move what is done', () => {
  const position = new Position(start);
  const [first, second] = [page([1, 2]), page([5, 6])];
  position.absorb(first);
  position.absorb(second);
  position.complete(first);
  expect(position.snapshot()).toMatchObject({ low: 2, done: [] });
  position.complete(second);
  expect(position.snapshot()).toMatchObject({ low: 2, done: [[5, 7]] });
});

test('a restart begins above what is done, with its holes as gaps', () => {
  const position = new Position({
    ...start,
    low: 1,
    done: [
      [3, 4],
      [7, 8],
    ],
  });
  expect(position.high).toBe(7);
  expect(position.gaps.all().map(({ from, to }) => [from, to])).toEqual([
    [2, 3],
    [4, 7],
  ]);
  expect(position.snapshot()).toMatchObject({
    low: 1,
    done: [
      [3, 4],
      [7, 8],
    ],
  });
});

test('there is something to write after a page, and while a gap lacks its bound', () => {
  const position = new Position(start);
  position.snapshot();
  expect(position.changed).toBe(false);
  const first = page([2]);
  position.absorb(first);
  expect(position.changed).toBe(true);
  position.complete(first);
  position.snapshot();
  expect(position.changed).toBe(true);
  for (const gap of position.gaps.all()) gap.bound = 1n;
  expect(position.changed).toBe(false);
});

test('events set aside are written once', () => {
  const position = new Position(start);
  const aside = { id: 1, attempts: 1, error: 'x', fate: 'dead' } as const;
  position.setAside(aside);
  expect(position.snapshot().aside).toEqual([aside]);
  expect(position.snapshot().aside).toEqual([]);
});

describe('marks', () => {
  test('are set about once a second, and kept for the window', () => {
    const position = new Position(start);
    for (let ms = 0; ms <= 200_000; ms += 100) position.mark(ms, ms);
    expect(position.marks.length).toBe(91);
    expect(position.marks[0]).toEqual([110_000, 110_000]);
    expect(position.marks.at(-1)).toEqual([200_000, 200_000]);
  });
  test('keep the one from before a silence, so that a rewind goes back behind what was published after it', () => {
    const position = new Position({ ...start, marks: [[0, 1_000]] });
    position.mark(120_000, 2_000);
    expect(rewindTarget(position.marks, 2_000, 30_000)).toBe(1_000);
  });
  test('lead back to the last one that is a window older than the newest', () => {
    const marks = [
      [0, 1],
      [10_000, 2],
      [20_000, 3],
      [45_000, 4],
    ] as const;
    expect(rewindTarget(marks, 5, 30_000)).toBe(2);
    expect(rewindTarget(marks, 5, 25_000)).toBe(3);
    expect(rewindTarget(marks, 5, 90_000)).toBe(1);
  });
  test('never lead forward, and there may be none', () => {
    expect(rewindTarget([[0, 9]], 5, 30_000)).toBe(5);
    expect(rewindTarget([], 5, 30_000)).toBe(5);
  });
});
