import { createAcknowledgements } from '../../../runtime/src/transports/kafka/append.ts';
import { assignPartitions } from '../../../runtime/src/transports/kafka/assignment.ts';
import { failuresText } from '../../../runtime/src/transports/kafka/give-up.ts';
import { formatNote, type Note, parseNote } from '../../../runtime/src/transports/kafka/note.ts';
import { Offsets } from '../../../runtime/src/transports/kafka/offsets.ts';
import { parsePosition, positionOf } from '../../../runtime/src/transports/kafka/topics.ts';

/** Numbers that look random and are the same every time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
}

test('offsets know what is done, in whatever order it was finished', () => {
  const random = randomNumbers(7);
  const end = 60;
  for (let round = 0; round < 100; round++) {
    const [offsets, done] = [new Offsets(5), new Set([0, 1, 2, 3, 4])];
    for (let step = 0; step < 30; step++) {
      const from = random(end);
      const to = from + 1 + random(4);
      offsets.finish(from, to);
      for (let offset = from; offset < to; offset++) done.add(offset);
    }
    const all = Array.from({ length: end + 5 }, (_, offset) => offset);
    const next = (offset: number): number => (done.has(offset) ? next(offset + 1) : offset);
    const open = offsets.openBelow(end).flatMap(({ from, to }) => all.slice(from, to));
    const ranges = offsets.ranges.flatMap(({ from, to }) => [from, to]);
    expect({
      low: offsets.low,
      isDone: all.map((offset) => offsets.isDone(offset)),
      nextOpen: all.map((offset) => offsets.nextOpen(offset)),
    }).toEqual({
      ...{ low: next(0), isDone: all.map((offset) => done.has(offset)), nextOpen: all.map(next) },
    });
    expect(open).toEqual(all.filter((offset) => offset < end && !done.has(offset)));
    expect(ranges).toEqual([...new Set(ranges)].filter((offset) => offset > offsets.low).sort((x, y) => x - y));
  }
});

const note: Note = {
  ...{ fence: 1_795_301_591_801, by: 'host-ü 1', topicId: 'aB-_9', begun: 1_620, fed: 1_120, clean: false },
  attempts: new Map([
    [1_000, 2],
    [1_077, 41],
  ]),
  done: [
    { from: 1_005, to: 1_010 },
    { from: 5_000_000, to: 5_000_001 },
  ],
};

test('a note comes back as it was written', () => {
  expect(parseNote(1_000, formatNote(1_000, note).text)).toEqual(note);
  const plain: Note = { ...note, attempts: new Map(), done: [], by: '', clean: true, begun: 1_000, fed: 1_000 };
  expect(parseNote(1_000, formatNote(1_000, plain).text)).toEqual(plain);
});

test('what others have committed is no note', () => {
  expect(['', 'some text', 'm2 c A'].map((text) => parseNote(0, text))).toEqual([undefined, undefined, undefined]);
});

test('a note stays within what brokers keep, and forgets the last ranges first', () => {
  const done = Array.from({ length: 3_000 }, (_, i) => ({ from: 2 * i + 1, to: 2 * i + 2 }));
  const { text, leftOut } = formatNote(0, { ...note, by: 'ü'.repeat(300), done });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
  const kept = parseNote(0, text)!.done;
  expect(kept.length).toBeGreaterThan(1_800);
  expect(kept).toEqual(done.slice(0, kept.length));
  expect(leftOut).toBe(done.length - kept.length);
});

test('partitions are shared fairly, stay where they are, and go to nobody before their holder has let go', () => {
  const rounds = (claims: { id: string; owned: readonly number[] }[], partitions: number) => {
    const first = assignPartitions(claims, partitions);
    const second = assignPartitions(
      [...first].map(([id, owned]) => ({ id, owned })),
      partitions,
    );
    return [Object.fromEntries(first), Object.fromEntries(second)];
  };
  expect(rounds([{ id: 'a', owned: [] }], 3)[0]).toEqual({ a: [0, 1, 2] });
  expect(
    rounds(
      [
        { id: 'a', owned: [0, 1, 2, 3] },
        { id: 'b', owned: [] },
      ],
      4,
    ),
  ).toEqual([
    { a: [0, 1], b: [] },
    { a: [0, 1], b: [2, 3] },
  ]);
  expect(
    rounds(
      [
        { id: 'a', owned: [0, 1] },
        { id: 'b', owned: [] },
        { id: 'c', owned: [2, 3, 4] },
      ],
      5,
    ),
  ).toEqual([
    { a: [0, 1], b: [], c: [2, 3] },
    { a: [0, 1], b: [4], c: [2, 3] },
  ]);
  expect(
    rounds(
      [
        { id: 'a', owned: [0] },
        { id: 'b', owned: [] },
        { id: 'c', owned: [] },
      ],
      2,
    )[0],
  ).toEqual({ a: [0], b: [1], c: [] });
  // A claim to what is gone, or to what somebody else has, counts for nothing.
  expect(
    rounds(
      [
        { id: 'a', owned: [0, 9] },
        { id: 'b', owned: [0] },
      ],
      2,
    )[0],
  ).toEqual({ a: [0], b: [1] });
});

test('an acknowledged offset that comes again tells that the log was cut back, once', () => {
  const { note: acknowledge } = createAcknowledgements();
  expect([acknowledge('t', 0, 10, 5), acknowledge('t', 0, 15, 1), acknowledge('t', 1, 0, 1)]).toEqual([10, 15, 0]);
  expect(acknowledge('t', 0, 15, 2)).toMatchObject({ code: 'BROKER_LOST_EVENTS' });
  expect(acknowledge('t', 0, 17, 1)).toBe(17);
});

test('of a long history of errors the first and the last are kept', () => {
  const failures = Array.from({ length: 100 }, (_, i) => ({ attempt: i + 1, message: 'x'.repeat(9_000), consumer: 'c' }));
  const text = failuresText(failures);
  expect(Buffer.byteLength(text)).toBeLessThan(65_536);
  const attempts = (JSON.parse(text) as { attempt: number }[]).map(({ attempt }) => attempt);
  expect([attempts[0], attempts.at(-1)]).toEqual([1, 100]);
  expect(failuresText([])).toBe('[]');
});

test('a position names partition and offset', () => {
  expect(parsePosition(positionOf(3, 9_007_199_254))).toEqual({ partition: 3, offset: 9_007_199_254 });
  for (const text of ['', '1', '1-', '-1', 'a-1', '1-2-3']) expect(() => parsePosition(text)).toThrow('PARTITION-OFFSET');
});
