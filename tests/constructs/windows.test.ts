import { parseDailyWindow, parseWeeklyWindow, windowMinutes, windowsOverlap } from '../../constructs/core/windows.ts';

const overlap = (daily: string, weekly: string) => windowsOverlap(parseDailyWindow(daily), parseWeeklyWindow(weekly));

test.each([
  ['02:00-03:00', 60],
  ['23:30-00:30', 60],
  ['24:00-01:00', 0],
  ['2:00-3:00', 0],
])('the daily window %s has %d minutes', (text, minutes) => expect(windowMinutes(parseDailyWindow(text))).toBe(minutes));

test.each([
  ['sun:04:00-sun:05:00', 60],
  ['sat:23:30-sun:00:30', 60],
  ['sun:23:30-mon:00:30', 60],
  ['mon:00:00-tue:00:00', 24 * 60],
  ['foo:04:00-sun:05:00', 0],
  ['sun:04:00', 0],
])('the weekly window %s has %d minutes', (text, minutes) => expect(windowMinutes(parseWeeklyWindow(text))).toBe(minutes));

test.each([
  ['02:00-03:00', 'sun:04:00-sun:05:00', false],
  ['02:00-03:00', 'sun:03:00-sun:04:00', false],
  ['02:00-03:01', 'sun:03:00-sun:04:00', true],
  ['23:30-00:30', 'wed:00:00-wed:01:00', true],
  ['23:30-00:30', 'sun:00:00-sun:01:00', true],
  ['00:00-01:00', 'sat:23:30-sun:00:30', true],
])('%s and %s touch: %s', (daily, weekly, expected) => expect(overlap(daily, weekly)).toBe(expected));
