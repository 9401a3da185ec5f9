import { wrap } from '../../../runtime/src/binding/index.ts';
import { isMillraceError, MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { type Sample, signals } from '../../../runtime/src/contracts/signals.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { probeBeacon, probeCheck } from '../../../runtime/src/probe/check.ts';
import type { Look } from '../../../runtime/src/probe/look.ts';
import { openLooks } from '../../../runtime/src/probe/open.ts';
import { type Probe, type ProbeOptions, sampleOnce, startProbe } from '../../../runtime/src/probe/probe.ts';
import { signalRegistry } from '../../../runtime/src/signals/exposition.ts';
import { eventually } from '../../support/eventually.ts';

const backlog: Sample = { signal: 'outbox.backlog', labels: { service: 'database', sink: 's' }, value: 3 };

/** A look whose answers a test gives. */
function lookOf(service: string, sample: Look['sample'], closed: string[] = []): Look {
  return { service, sample, [Symbol.asyncDispose]: async () => void closed.push(service) };
}

const never = () => new Promise<never>(() => undefined);
const ups = (samples: readonly Sample[]) =>
  Object.fromEntries(samples.filter(({ signal }) => signal === 'probe.up').map(({ labels, value }) => [labels.service, value]));

const probes: Probe[] = [];
afterEach(async () => {
  await Promise.all(probes.splice(0).map((probe) => probe.close()));
});

function start(options: ProbeOptions) {
  const lines: string[] = [];
  const write = (level: string) => (details: object, message: string) => void lines.push(`${level} ${message} ${JSON.stringify(details)}`);
  const probe = startProbe({ intervalMs: 5, timeoutMs: 30, logger: { info: write('info'), warn: write('warn') }, ...options });
  probes.push(probe);
  return { probe, lines };
}

describe('a probe', () => {
  test('looks at every service again and again, with up and duration for each', async () => {
    let looks = 0;
    const seen: (readonly Sample[])[] = [];
    const { probe } = start({
      looks: [
        lookOf('database', async () => {
          looks += 1;
          return [backlog];
        }),
      ],
      onSamples: (samples) => seen.push(samples),
    });
    await eventually(() => looks > 3, { what: 'it looked again' });
    expect(probe.samples()).toEqual([
      { signal: 'probe.up', labels: { service: 'database' }, value: 1 },
      { signal: 'probe.duration', labels: { service: 'database' }, value: expect.any(Number) },
      backlog,
    ]);
    expect(seen.length).toBeGreaterThan(2);
  });

  test('is not kept from the others by a service that hangs, and asks that one nothing more until it answers', async () => {
    const looks = { hung: 0, well: 0 };
    let answer = (_: readonly Sample[]): void => undefined;
    const hung = lookOf('hung', () => {
      looks.hung += 1;
      return looks.hung > 1 ? Promise.resolve([]) : new Promise((resolve) => (answer = resolve));
    });
    const well = lookOf('well', async () => {
      looks.well += 1;
      return [];
    });
    const { probe } = start({ looks: [hung, well] });
    await eventually(() => looks.well > 20, { what: 'the other was looked at' });
    await eventually(() => ups(probe.samples()).hung === 0, { what: 'the hung one is told' });
    expect(looks.hung).toBe(1);
    expect(ups(probe.samples())).toEqual({ hung: 0, well: 1 });
    answer([]);
    await eventually(() => ups(probe.samples()).hung === 1, { what: 'it is looked at again' });
  });

  test('tells a look that it is over', async () => {
    const reasons: unknown[] = [];
    const look = lookOf('slow', (signal) => {
      signal.addEventListener('abort', () => reasons.push(signal.aborted));
      return never();
    });
    start({ looks: [look] });
    await eventually(() => reasons.length === 1, { what: 'the look was aborted' });
  });

  test('forgets what a look that fails would have told', async () => {
    let away = false;
    const look = lookOf('database', async () => {
      if (away) throw new Error('gone');
      return [backlog];
    });
    const { probe } = start({ looks: [look] });
    await eventually(() => probe.samples().includes(backlog), { what: 'it was seen' });
    away = true;
    await eventually(() => !probe.samples().includes(backlog), { what: 'it is no longer told' });
    expect(ups(probe.samples())).toEqual({ database: 0 });
  });

  test('logs a reason once, another one anew, and the end of it', async () => {
    let looks = 0;
    const failures = [
      () => new MillraceError('CONNECTION_TIMEOUT', 'did not answer XINFO'),
      () => new MillraceError('CONNECTION_TIMEOUT', 'did not answer INFO'),
      () => new Error('odd'),
    ];
    const look = lookOf('events', async () => {
      const failure = failures[looks++]?.();
      if (failure !== undefined) throw failure;
      return [];
    });
    const { lines } = start({ looks: [look] });
    await eventually(() => looks > 5, { what: 'it went well again' });
    expect(lines.map((line) => line.split(' ', 1)[0])).toEqual(['warn', 'warn', 'info']);
    expect(lines[0]).toContain('did not answer XINFO');
    expect(lines[1]).toContain('odd');
  });

  test('closes its looks with itself, even while one hangs', async () => {
    const closed: string[] = [];
    const { probe } = start({ looks: [lookOf('a', never, closed), lookOf('b', async () => [], closed)], timeoutMs: 60_000 });
    await probe.close();
    await probe.closed;
    expect(closed.sort()).toEqual(['a', 'b']);
  });
});

describe('looking once', () => {
  test('tells what there is and what cannot be looked at, and closes nothing', async () => {
    const closed: string[] = [];
    const looks = [
      lookOf('a', async () => [backlog], closed),
      lookOf('b', async () => Promise.reject(new Error('away')), closed),
      lookOf('c', never),
    ];
    const outcomes = await sampleOnce(looks, 30);
    expect(ups(outcomes.flatMap(({ samples }) => samples))).toEqual({ a: 1, b: 0, c: 0 });
    expect(outcomes.map(({ error }) => error?.message)).toEqual([undefined, 'away', 'no complete look within 30 ms']);
    expect(closed).toEqual([]);
  });
});

describe('the looks of a binding', () => {
  const endpoints = [{ purpose: 'primary' as const, host: '127.0.0.1', port: 1 }];
  const auth = { mode: 'none' as const };
  const binding = wrap({
    events: { kind: 'redis', role: 'events', endpoints, auth },
    search: { kind: 'opensearch', role: 'search', endpoints, auth },
    database: { kind: 'postgres', role: 'database', endpoints, auth, database: 'd' },
    metrics: { kind: 'prometheus', role: 'metrics', endpoints, auth },
  });
  const topology = topologySchema.parse({});
  const namesOf = async (...args: Parameters<typeof openLooks> extends [unknown, unknown, ...infer Rest] ? Rest : never) =>
    (await openLooks(binding, topology, ...args)).map(({ service }) => service);

  test('are of every service that does not tell of itself', async () => {
    expect(await namesOf()).toEqual(['database', 'events', 'search']);
    expect(await namesOf({ only: ['events'] })).toEqual(['events']);
  });

  test('are not of those of which nobody wants to know anything', async () => {
    expect(await namesOf({ wanted: new Set(['redis.stream.lag', 'outbox.gaps']) })).toEqual(['database', 'events']);
    const onAws = Object.keys(signals).filter((name) => signals[name as keyof typeof signals].onAws) as (keyof typeof signals)[];
    expect(await namesOf({ wanted: new Set(onAws) })).not.toContain('search');
  });

  test.each([
    ['nowhere', /no service "nowhere"/],
    ['metrics', /service metrics is of kind prometheus, which the probe does not look at/],
  ])('fail for %s', async (name, message) => {
    const failure: unknown = await openLooks(binding, topology, { only: [name] }).catch((error: unknown) => error);
    expect(isMillraceError(failure, 'BINDING_NAME_UNKNOWN')).toBe(true);
    expect((failure as Error).message).toMatch(message);
  });
});

describe('the health of a probe', () => {
  const outcomes = [
    { service: 'a', samples: [] },
    { service: 'b', samples: [], error: new Error('away') },
  ];

  test('is degraded, with the reason, while a service cannot be looked at', async () => {
    const check = (of: typeof outcomes) => probeCheck({ outcomes: () => of }).check(new AbortController().signal);
    expect(await check(outcomes.slice(0, 1))).toMatchObject({ status: 'up' });
    expect(await check(outcomes)).toMatchObject({ status: 'degraded', reason: 'b cannot be looked at: away' });
  });

  test('is never gone where there is nothing to look at', async () => {
    const { probe } = start({ looks: [] });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(probeBeacon(probe, 15_000).silentForMs()).toBe(0);
  });

  test('is gone when no look begins or ends any more', () => {
    expect(probeBeacon({ idleForMs: () => 7 }, 15_000)).toMatchObject({ maxSilenceMs: 120_000 });
  });
});

test('counters and gauges are metrics of their type, with the unit in their names', async () => {
  const labels = { service: 'events', topic: 't', shard: '0' };
  const registry = signalRegistry(() => [
    { signal: 'redis.stream.entries_added', labels, value: 5 },
    { signal: 'redis.stream.retention_held', labels: { ...labels, topic: 'a\\b"c\nd' }, value: 1.5 },
    { signal: 'redis.stream.entries_added', labels: { ...labels, shard: '1' }, value: 6 },
  ]);
  const lines = (await registry.metrics()).split('\n');
  expect(lines.filter((line) => !line.startsWith('# HELP'))).toEqual([
    '# TYPE millrace_redis_stream_entries_added_total counter',
    'millrace_redis_stream_entries_added_total{service="events",topic="t",shard="0"} 5',
    'millrace_redis_stream_entries_added_total{service="events",topic="t",shard="1"} 6',
    '# TYPE millrace_redis_stream_retention_held_seconds gauge',
    'millrace_redis_stream_retention_held_seconds{service="events",topic="a\\\\b\\"c\\nd",shard="0"} 1.5',
  ]);
  expect(await signalRegistry(() => []).metrics()).toBe('');
});
