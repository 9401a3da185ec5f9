import { timeOf } from '../../../runtime/src/cli/time.ts';
import { parseTime } from '../../../runtime/src/iso-time.ts';

test.each([
  ['2026-11-21', '2026-11-21T00:00:00.000Z'],
  ['2026-11-21T08:00:00Z', '2026-11-21T08:00:00.000Z'],
  ['2026-11-21T08:00:00.5+02:00', '2026-11-21T06:00:00.500Z'],
  ['2026-11-21T08:00-0500', '2026-11-21T13:00:00.000Z'],
])('%s is the same time on every machine', (text, time) => {
  expect(parseTime(text)?.toISOString()).toBe(time);
  expect(timeOf(text).toISOString()).toBe(time);
});

test.each(['2026-11-21T08:00:00', '5', '2026', 'tomorrow', '2026-13-01', '2026-11-21 08:00:00Z', ''])('%j is no time', (text) => {
  expect(parseTime(text)).toBeUndefined();
  expect(() => timeOf(text)).toThrow('must be a time as 2026-11-21 or 2026-11-21T08:00:00Z');
});
