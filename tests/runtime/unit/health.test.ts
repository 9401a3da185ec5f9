import { createBeacon, createHealth, type HealthCheck } from '../../../runtime/src/health/index.ts';
import { relayBeacon, relayCheck } from '../../../runtime/src/health/relay-check.ts';
import type { RelayStatus } from '../../../runtime/src/outbox/relay.ts';

type Run = HealthCheck['check'];
const up: Run = async () => ({ status: 'up' });
const degraded: Run = async () => ({ status: 'degraded', reason: 'it is slow' });
const down: Run = async () => ({ status: 'down', reason: 'it is gone' });
const check = (name: string, run: Run, more: Partial<HealthCheck> = {}): HealthCheck => ({ name, check: run, ...more });

describe('the health of the whole', () => {
  test.each([
    ['up', 'all are up', [check('a', up), check('b', up)]],
    ['up', 'there are no checks', []],
    ['degraded', 'one is degraded', [check('a', up), check('b', degraded)]],
    ['degraded', 'one that is not critical is down', [check('a', up), check('b', down, { critical: false })]],
    ['down', 'a critical one is down', [check('a', degraded), check('b', down)]],
  ] as const)('is %s when %s', async (status, _, checks) => {
    expect((await createHealth({ checks }).report()).status).toBe(status);
  });

  test('tells of each check its status, reason and duration', async () => {
    const report = await createHealth({ checks: [check('a', up), check('b', down, { critical: false })] }).report();
    expect(report.checks).toEqual([
      expect.objectContaining({ name: 'a', status: 'up', critical: true, durationMs: expect.any(Number), checkedAt: expect.any(Date) }),
      expect.objectContaining({ name: 'b', status: 'down', critical: false, reason: 'it is gone' }),
    ]);
  });

  test('is down when a check throws, with its message', async () => {
    const report = await createHealth({ checks: [check('a', () => Promise.reject(new Error('no route')))] }).report();
    expect(report.checks[0]).toMatchObject({ status: 'down', reason: 'no route' });
  });

  test('fails if two checks have one name', () => {
    expect(() => createHealth({ checks: [check('a', up), check('a', down)] })).toThrow(/two health checks are named a/);
  });
});

describe('asking often', () => {
  function counted(): { run: Run; count(): number } {
    let count = 0;
    return {
      count: () => count,
      run: async () => {
        count += 1;
        return { status: 'up' };
      },
    };
  }

  test('looks once for a hundred askers at the same time', async () => {
    const { run, count } = counted();
    const health = createHealth({ checks: [check('a', run)] });
    const reports = await Promise.all(Array.from({ length: 100 }, () => health.report()));
    expect(count()).toBe(1);
    expect(new Set(reports).size).toBe(1);
  });

  test('looks once while the report is fresh, and again when it is not', async () => {
    const { run, count } = counted();
    const health = createHealth({ checks: [check('a', run)], cacheMs: 100 });
    await health.report();
    await health.report();
    expect(count()).toBe(1);
    const startedAt = performance.now();
    while (count() === 1) {
      await health.report();
      await new Promise(setImmediate);
    }
    expect(performance.now() - startedAt).toBeGreaterThan(70);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('never looks a second time at what has not answered the first', async () => {
    let looking = 0;
    const signals: AbortSignal[] = [];
    const stuck: Run = (signal) => {
      looking += 1;
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const health = createHealth({ checks: [check('a', stuck, { timeoutMs: 20 })], cacheMs: 0 });
    const reports = [await health.report(), await health.report(), await health.report()];
    expect(looking).toBe(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(reports.map(({ checks }) => checks[0]?.reason)).toEqual([
      'no answer within 20 ms',
      expect.stringContaining('still no answer'),
      expect.stringContaining('still no answer'),
    ]);
  });

  test('looks again once a late answer has come', async () => {
    let answer: () => void = () => undefined;
    const late: Run = () =>
      new Promise((resolve) => {
        answer = () => resolve({ status: 'up' });
      });
    const health = createHealth({ checks: [check('a', late, { timeoutMs: 20 })], cacheMs: 0 });
    expect((await health.report()).status).toBe('down');
    answer();
    await new Promise(setImmediate);
    const next = health.report();
    answer();
    expect((await next).status).toBe('up');
  });
});

describe('a relay', () => {
  const well: RelayStatus = {
    sink: 'redis-streams@events',
    state: 'active',
    epoch: '1',
    published: 1,
    low: 1,
    high: 1,
    gaps: 0,
    blockedKeys: 0,
    oldestUnpublishedAgeMs: 0,
    headroom: undefined,
    lastError: undefined,
    idleForMs: 5,
  };
  const relay = (change: Partial<RelayStatus>) => ({ status: () => ({ ...well, ...change }) });

  test.each([
    ['up', {}],
    ['up', { state: 'standby' }],
    ['degraded', { state: 'unreachable', lastError: 'no route' }],
    ['degraded', { oldestUnpublishedAgeMs: 60_000 }],
    ['degraded', { blockedKeys: 2 }],
    ['up', { headroom: 1_000_000 }],
    ['degraded', { headroom: 999_999 }],
    ['down', { state: 'failed', lastError: 'no schema' }],
    ['down', { state: 'closed' }],
  ] as const)('is %s when its status says %j', async (status, change) => {
    const { checks } = await createHealth({ checks: [relayCheck(relay(change))] }).report();
    expect(checks[0]).toMatchObject({ name: 'relay redis-streams@events', status });
    if ('lastError' in change) expect(checks[0]?.reason).toContain(change.lastError);
  });

  test('tells how many events the partitions still take once that is known, and what to do when they are few', async () => {
    const ofHeadroom = (headroom: number | undefined) => relayCheck(relay({ headroom })).check(new AbortController().signal);
    const measured = (await ofHeadroom(4_000_000)).observations;
    expect(measured).toContainEqual({ measure: 'partitionHeadroom', value: 4_000_000, unit: '{event}' });
    expect((await ofHeadroom(undefined)).observations?.map(({ measure }) => measure)).not.toContain('partitionHeadroom');
    expect((await ofHeadroom(7)).reason).toMatch(/^7 events are left .* makePartitions$/);
    const tolerant = relayCheck(relay({ headroom: 7 }), { minHeadroom: 5 });
    expect(await tolerant.check(new AbortController().signal)).toMatchObject({ status: 'up' });
  });

  test('has a beacon that tells how long its loop has been silent', () => {
    expect(relayBeacon(relay({ idleForMs: 7 })).silentForMs()).toBe(7);
  });
});

test('a beacon is silent from its last beat on', async () => {
  const beacon = createBeacon('loop', 1_000);
  const startedAt = performance.now();
  while (performance.now() - startedAt < 30) await new Promise(setImmediate);
  const silentForMs = beacon.silentForMs();
  expect(silentForMs).toBeGreaterThanOrEqual(29);
  const beganAt = performance.now();
  beacon.beat();
  // However long this process is held up in between.
  expect(beacon.silentForMs()).toBeLessThanOrEqual(performance.now() - beganAt);
});
