import { lanesServed, latencies, resumption } from '../../examples/order-service/demo/times.ts';

type Sightings = Parameters<typeof latencies>[0];

/** Events named by the millisecond of their commit, each with the effects it had. */
function sightings(effects: readonly [committedAtMs: number, appliedAtMs: number, stream: string, process: string][]): Sightings {
  const committed = new Map(effects.map(([at], index) => [`event-${index}`, at]));
  const applied = effects.map(([, atMs, stream, process], index) => ({ eventId: `event-${index}`, atMs, stream, process }));
  return { committed, applied: new Map([['inventory', applied]]) } as unknown as Sightings;
}

describe('the time to resume', () => {
  const kill = { atMs: 1_000, lanes: ['inventory a', 'inventory b'] };

  test('runs to the first effect of an event that was committed after the kill, and to the last lane', () => {
    const seen = sightings([
      [900, 1_100, 'a', 'inventory-1'],
      [1_200, 3_000, 'a', 'inventory-1'],
      [1_300, 4_500, 'b', 'inventory-2'],
      [1_400, 4_600, 'b', 'inventory-2'],
    ]);
    expect(resumption(seen, kill)).toEqual({ firstMs: 2_000, allMs: 3_500 });
  });

  test('is open while a lane of the victim has brought nothing', () => {
    expect(resumption(sightings([[1_200, 3_000, 'a', 'inventory-1']]), kill)).toBeUndefined();
  });

  test('does not count effects of events that were on their way already', () => {
    const seen = sightings([
      [1_200, 3_000, 'a', 'inventory-1'],
      [999, 3_100, 'b', 'inventory-1'],
    ]);
    expect(resumption(seen, kill)).toBeUndefined();
  });
});

test('the lanes of one process are those it brought effects from since a moment', () => {
  const seen = sightings([
    [0, 10, 'old', 'inventory-1'],
    [0, 20, 'a', 'inventory-1'],
    [0, 30, 'b', 'inventory-2'],
  ]);
  expect(lanesServed(seen, 15)).toEqual(['inventory a', 'inventory b']);
  expect(lanesServed(seen, 15, 'inventory-1')).toEqual(['inventory a']);
});

test('quiet latencies leave out what was committed near a kill', () => {
  const seen = sightings([
    [0, 5, 'a', 'inventory-1'],
    [9_500, 12_000, 'a', 'inventory-1'],
    [40_000, 40_007, 'a', 'inventory-1'],
  ]);
  const near = [{ atMs: 10_000, lanes: ['inventory a'], firstMs: 1_000, allMs: 2_000 }];
  expect(latencies(seen)).toMatchObject({ count: 3, p50Ms: 7, p99Ms: 2_500 });
  expect(latencies(seen, near)).toMatchObject({ count: 2, p99Ms: 7 });
});
