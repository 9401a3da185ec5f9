import { attemptsBeforeSetAside, retryDelayMs } from '../../../runtime/src/consuming/retry.ts';
import { fairShare } from '../../../runtime/src/transports/redis-streams/membership.ts';

test.each([
  [8, 1, [8]],
  [8, 3, [3, 3, 2]],
  [8, 5, [2, 2, 2, 1, 1]],
  [1, 3, [1, 0, 0]],
  [0, 2, [0, 0]],
])('%i streams among %i consumers', (streams, members, shares) => {
  expect(shares.map((_, rank) => fairShare(streams, { rank, members }))).toEqual(shares);
});

test('retries wait twice as long each time, up to the limit, with up to half taken off', () => {
  const retry = { attempts: 10, initialDelayMs: 100, maxDelayMs: 1_000 };
  for (const [attempt, full] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [60, 1_000],
  ] as const) {
    const delays = Array.from({ length: 200 }, () => retryDelayMs(retry, attempt));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(full / 2);
    expect(Math.max(...delays)).toBeLessThanOrEqual(full);
  }
});

test('an event that was read once may not have been begun, so one delivery is never enough to set it aside', () => {
  expect(attemptsBeforeSetAside({ attempts: 1, initialDelayMs: 1, maxDelayMs: 1 })).toBe(2);
  expect(attemptsBeforeSetAside({ attempts: 5, initialDelayMs: 1, maxDelayMs: 1 })).toBe(5);
});
