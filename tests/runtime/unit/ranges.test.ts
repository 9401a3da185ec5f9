import { complement, formatRanges, parseRanges } from '../../../runtime/src/outbox/ranges.ts';

test.each([
  ['no ranges', '{}', []],
  ['one', '{[1,5)}', [[1, 5]]],
  [
    'several, as far as doubles count',
    '{[1,2),[7,9007199254740991)}',
    [
      [1, 2],
      [7, 9007199254740991],
    ],
  ],
])('%s travel to PostgreSQL and back', (_, text, ranges) => {
  expect(parseRanges(text)).toEqual(ranges);
  expect(formatRanges(ranges as [number, number][])).toBe(text);
});

test.each([
  ['no holes', 0, 5, [], [[1, 6]]],
  ['nothing above low', 5, 5, [], []],
  ['a hole at the start', 0, 5, [[1, 3]], [[3, 6]]],
  ['a hole at the end', 0, 5, [[5, 6]], [[1, 5]]],
  [
    'a hole in the middle',
    0,
    5,
    [[2, 4]],
    [
      [1, 2],
      [4, 6],
    ],
  ],
  [
    'holes side by side',
    0,
    5,
    [
      [2, 3],
      [3, 4],
    ],
    [
      [1, 2],
      [4, 6],
    ],
  ],
  ['nothing but a hole', 0, 5, [[1, 6]], []],
  ['holes above high', 0, 5, [[7, 9]], [[1, 6]]],
])('what lies beside the holes: %s', (_, low, high, holes, expected) => {
  expect(complement(low as number, high as number, holes as [number, number][])).toEqual(expected);
});
