import { betweenRule, differentRule, nameRule, roleRule, twoZonesRule } from '../../constructs/core/rules.ts';
import type { Rule } from '../../constructs/core/validate.ts';

function judged<T>({ condition, message }: Rule<T>, resolved: T): string | readonly string[] {
  return condition(resolved) ? message(resolved) : 'fine';
}

test.each<[name: string, verdict: string]>([
  ['a', 'fine'],
  ['a1-b', 'fine'],
  ['abcdefgh', 'fine'],
  ['abcdefghi', 'got "abcdefghi"'],
  ['', 'got ""'],
  ['1a', 'got "1a"'],
  ['A', 'got "A"'],
  ['a--b', 'got "a--b"'],
  ['a-', 'got "a-"'],
  ['a_b', 'got "a_b"'],
])('the name %j: %s', (cacheName, verdict) => {
  const wanted = 'environment and service name together must be at most 8 lower-case letters, digits and hyphens';
  expect(judged(nameRule('cacheName', 8), { cacheName })).toBe(verdict === 'fine' ? verdict : `${wanted}, ${verdict}`);
});

test('a name says what it is put together from', () => {
  expect(judged(nameRule('name', 1, 'environment and name'), { name: 'ab' })).toMatch(/^environment and name together must be at most 1 /);
});

test('a role is among those that the servers are for', () => {
  expect(judged(roleRule(['events', 'jobs']), { role: 'jobs' })).toBe('fine');
  expect(judged(roleRule(['events', 'jobs']), { role: 'log' })).toBe('role must be one of events, jobs, got "log"');
  expect(judged(roleRule(['cache'], 'it evicts'), { role: 'log' })).toBe('role must be cache, got "log": it evicts');
});

test.each([
  [1, 'fine'],
  [35, 'fine'],
  [0, 'days must be between 1 and 35, got 0'],
  [36, 'days must be between 1 and 35, got 36'],
  [1.5, 'days must be between 1 and 35, got 1.5'],
])('%d days: %s', (days, verdict) => expect(judged(betweenRule('days', 1, 35), { days })).toBe(verdict));

test('what stands in a list twice is named', () => {
  expect(judged(differentRule('zones'), { zones: ['a', 'b'] })).toBe('fine');
  expect(judged(differentRule('zones'), { zones: ['a', 'b', 'a'] })).toBe('zones must be different, got a twice');
});

test('one zone is too few', () => {
  expect(judged(twoZonesRule, { subnetIds: ['a', 'b'] })).toBe('fine');
  expect(judged(twoZonesRule, { subnetIds: ['a'] })).toBe('the network must have private subnets in at least 2 zones, got 1');
});
