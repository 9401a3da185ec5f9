import { estimateLines, estimatesOf } from '../../environments/estimates/index.ts';
import { environment } from '../../environments/index.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { minimal, refusal } from './declaration.ts';

type TopologyInput = NonNullable<EnvironmentInput['topology']>;
type Services = NonNullable<EnvironmentInput['services']>;

const million = { eventsPerDay: 1_000_000, averageBytes: 500 };
const declared = (topology: TopologyInput, change: { services?: Services; engine?: EnvironmentInput['engine'] } = {}) => ({
  ...minimal(),
  ...(change.engine && { engine: change.engine }),
  services: { ...minimal().services, ...change.services },
  topology,
});
const onProcess = { engine: { kind: 'process', ports: { base: 17_000 } } } as const;

const streams = (settings: object = {}): TopologyInput => ({
  topics: { paid: { transports: [{ kind: 'redis-streams', service: 'events' }], retentionHours: 240, volume: million, ...settings } },
});
const log = (settings: object = {}): TopologyInput => ({
  topics: { clicks: { transports: [{ kind: 'kafka', service: 'log' }], retentionHours: 365 * 24, volume: million, ...settings } },
});
const indices = (lifecycle: object = {}, replicas = 1): TopologyInput => ({
  indices: { logs: { service: 'search', dataStream: true, lifecycle: 'kept', replicas, volume: million } },
  lifecycles: { kept: { hotDays: 7, deleteDays: 365, archive: false, ...lifecycle } },
});

/** The one estimate of a declaration that is accepted. */
function estimate(input: EnvironmentInput, place?: string) {
  const estimates = estimatesOf(parseEnvironment(input)).filter((each) => place === undefined || each.place === place);
  expect(estimates).toHaveLength(1);
  return estimates[0]!;
}
const inGiB = (bytes: number) => Math.round((bytes / 2 ** 30) * 10) / 10;

describe('a declaration that does not fit is refused', () => {
  test.each<[string, unknown, string[]]>([
    [
      'by Redis',
      declared(streams()),
      [
        'services.events: is to keep about 6.1 GiB in memory, 6.1 GiB of it for paid, and has room for 962 MiB (80 % of its 1,228 MiB less 20 MiB for the server itself); set topology.topics.paid.windowHours to at most 37, or overrides.memoryMiB to at least 7774, with an instanceType that has as much',
      ],
    ],
    [
      'by Redis, whose window cannot be made short enough',
      declared(streams({ volume: { eventsPerDay: 1_000_000_000 } })),
      [
        'services.events: is to keep about 6,054 GiB in memory, 6,054 GiB of it for paid, and has room for 962 MiB (80 % of its 1,228 MiB less 20 MiB for the server itself); set overrides.memoryMiB to at least 7748629, with an instanceType that has as much',
      ],
    ],
    [
      'by a serverless cache',
      declared(streams({ transports: [{ kind: 'redis-streams', service: 'streams' }] }), {
        services: { streams: { kind: 'redis', role: 'events', overrides: { serverless: { maxStorageGiB: 5, maxEcpuPerSecond: 1_000 } } } },
      }),
      [
        'services.streams: is to keep about 6.1 GiB in memory, 6.1 GiB of it for paid, and has room for 4 GiB (80 % of its 5 GiB less 20 MiB for the server itself); set topology.topics.paid.windowHours to at most 157, or overrides.serverless.maxStorageGiB to at least 8',
      ],
    ],
    [
      'by Kafka',
      declared(log()),
      [
        'services.log: is to keep about 255 GiB on the disk of each broker, 255 GiB of it for clicks, and has room for 213 GiB (85 % of its 250 GiB); set topology.topics.clicks.retentionHours to at most 7295, or overrides.maxDiskGiB to at least 300',
      ],
    ],
    [
      'by OpenSearch',
      declared(indices()),
      [
        'services.search: is to keep about 375 GiB on the disks of the data nodes, 375 GiB of it for logs, and has room for 46 GiB (76 % of 3 x 20 GiB); set topology.lifecycles.kept.deleteDays to at most 43, or overrides.diskGiB to at least 165',
      ],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));

  test('and the first change that it asks for is enough', () => {
    expect(refusal(declared(streams({ windowHours: 37 })))).toEqual([]);
    expect(refusal(declared(streams({ windowHours: 38 })))).toHaveLength(1);
    expect(refusal(declared(log({ retentionHours: 7_295 })))).toEqual([]);
    expect(refusal(declared(log({ retentionHours: 7_296 })))).toHaveLength(1);
    expect(refusal(declared(indices({ deleteDays: 43 })))).toEqual([]);
    expect(refusal(declared(indices({ deleteDays: 44 })))).toHaveLength(1);
  });

  test('and so is the second', () => {
    const accepts = (topology: TopologyInput, services: Services) => expect(refusal(declared(topology, { services }))).toEqual([]);
    accepts(streams(), { events: { kind: 'redis-sentinel', role: 'events', overrides: { memoryMiB: 7_774 } } });
    accepts(log(), { log: { kind: 'kafka', role: 'log', overrides: { maxDiskGiB: 300 } } });
    accepts(indices(), { search: { kind: 'opensearch', role: 'search', overrides: { diskGiB: 165 } } });
  });
});

describe('estimates', () => {
  test('count the window of a topic, of tenants as of all, and mirrors as the live one', () => {
    const whole = estimate(declared(streams({ windowHours: 24 }))).neededBytes;
    expect(estimate(declared(streams({ windowHours: 12 }))).neededBytes).toBe(whole / 2);
    expect(estimate(declared(streams({ windowHours: 24, isolation: 'tenant' }))).neededBytes).toBe(whole);
    const mirrored = streams({
      windowHours: 24,
      transports: [
        { kind: 'redis-streams', service: 'events', phase: 'mirror' },
        { kind: 'kafka', service: 'log' },
      ],
    });
    expect(estimate(declared(mirrored), 'in memory').neededBytes).toBe(whole);
  });

  test('count every copy on Kafka, and the segment that is not closed yet', () => {
    const perDay = 1_000_000 * (500 + 240);
    const oneDay = declared(log({ retentionHours: 24, partitions: 1 }));
    // A partition of 740 MB a day fills a segment of 1 GiB before a week is over; each broker has one of three copies.
    expect(estimate(oneDay).neededBytes).toBeCloseTo(perDay + 2 ** 30, -3);
    expect(estimate({ ...oneDay, ...onProcess }).neededBytes).toBeCloseTo(perDay + 2 ** 30, -3);
    const six = declared(log({ retentionHours: 24, partitions: 1 }), {
      services: { log: { kind: 'kafka', role: 'log', overrides: { brokers: 6 } } },
    });
    expect(estimate(six).neededBytes).toBe(estimate(oneDay).neededBytes);
  });

  test('give MSK Serverless and Express no limit', () => {
    const serverless: Services = { log: { kind: 'kafka', role: 'log', overrides: { serverless: true } } };
    const express: Services = { log: { kind: 'kafka', role: 'log', overrides: { brokerType: 'express.m7g.large' } } };
    for (const services of [serverless, express]) expect(estimate(declared(log(), { services })).allowedBytes).toBeUndefined();
  });

  test('count replicas of indices, and what is warm or cold where it lies', () => {
    const overrides = { dedicatedMasters: 3, dataNodeType: 'm7g.large.search', diskGiB: 200, warmNodes: 2 } as const;
    const on = (change: object): Services => ({ search: { kind: 'opensearch', role: 'search', overrides: { ...overrides, ...change } } });
    const phases = { warmDays: 30, coldDays: 90 };
    const perDay = (1_000_000 * 500 * 1.1) / 2 ** 30;
    const needed = (services: Services, place: string, lifecycle = phases) =>
      inGiB(estimate(declared(indices(lifecycle), { services }), place).neededBytes);
    expect(needed(on({ warmNodes: 0 }), 'on the disks of the data nodes')).toBe(inGiB(perDay * 366 * 2 * 2 ** 30));
    expect(needed(on({}), 'on the disks of the data nodes')).toBe(inGiB(perDay * 8 * 2 * 2 ** 30));
    expect(needed(on({}), 'on UltraWarm nodes')).toBe(inGiB(perDay * 358 * 2 ** 30));
    expect(needed(on({ coldStorage: true }), 'on UltraWarm nodes')).toBe(inGiB(perDay * 23 * 2 ** 30));
  });

  test('leave one replica of what is warm on servers of one’s own', () => {
    const kept = indices({ warmDays: 30, deleteDays: 60 }, 2);
    const bigDisk: Services = { search: { kind: 'opensearch', role: 'search', overrides: { diskGiB: 200 } } };
    const perDay = 1_000_000 * 500 * 1.1;
    expect(estimate({ ...declared(kept, { services: bigDisk }), ...onProcess }).neededBytes).toBeCloseTo(perDay * (8 * 3 + 53 * 2), -3);
  });

  test('are printed with the biggest contributors and with what has no volume', () => {
    expect(estimateLines(environment('staging'))).toEqual([
      'staging: events is to keep about 49 MiB in memory, and has room for 962 MiB (80 % of its 1,228 MiB less 20 MiB for the server itself); most of it users.activity 13 MiB, chat 9.3 MiB, orders.updated 8.7 MiB',
      'staging: log is to keep about 6.5 GiB on the disk of each broker, and has room for 213 GiB (85 % of its 250 GiB); most of it analytics.events 5.1 GiB, audit.logs 780 MiB, service.logs 282 MiB',
      'staging: search is to keep about 19 GiB on the disks of the data nodes, and has room for 46 GiB (76 % of 3 x 20 GiB); most of it logs 15 GiB, events 3.7 GiB',
      'staging: not estimated, because no volume is declared: domain-entities',
    ]);
  });

  test('are none where nothing is kept', () => expect(estimateLines(parseEnvironment(minimal()))).toEqual([]));
});
