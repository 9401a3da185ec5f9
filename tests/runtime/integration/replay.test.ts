import { Pool } from 'pg';
import { isMillraceError, MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { jsonData, type MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { once } from '../../../runtime/src/inbox/index.ts';
import { type ReplayHandler, type ReplayOptions, type Replays, startReplays } from '../../../runtime/src/replay/index.ts';
import { cancelReplay, failuresOfReplay, replayStanding } from '../../../runtime/src/replay/requests.ts';
import type { Delivery, Handler } from '../../../runtime/src/transport.ts';
import { redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { begin, commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { startTestRelay } from '../support/relay.ts';
import { ask, ended, replayTopology, startReplayChild } from '../support/replay.ts';
import { serviceOf } from './redis-streams-fixture.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let postgres: TestPostgres;
let redis: TestRedis;
let log: TestLog;
let pool: Pool;
const open: Replays[] = [];

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
}, 60_000);
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));
beforeEach(async () => {
  log = await openLog(postgres);
  await log.rows('create table effect (id bigserial, run text, key text, n integer, tenant text, by text)');
  pool = new Pool({ connectionString: log.url, max: 16 });
  pool.on('error', () => undefined);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((replays) => replays.close()));
  await pool.end();
  await log.close();
});

/** Writes an effect in the inbox's transaction. */
const apply =
  (by = 'test'): Handler =>
  async ({ partitionkey, tenantid, ...rest }, delivery) => {
    await once(pool, 'effects', delivery, async (client) => {
      const { n } = jsonData<{ n: number }>({ ...rest })!;
      await client.query('insert into effect (run, key, n, tenant, by) values ($1, $2, $3, $4, $5)', [
        delivery.run,
        partitionkey,
        n,
        tenantid,
        by,
      ]);
    });
  };

function start(handler: ReplayHandler, options: Partial<ReplayOptions> = {}): Replays {
  const replays = startReplays({
    ...{
      openClient: log.open,
      topology: replayTopology,
      group: 'g',
      handlers: { t: handler, strict: handler, frail: handler },
      logger: silent,
    },
    ...{ pollMs: 50, leaseMs: 3_000, ...options },
  });
  open.push(replays);
  return replays;
}

const effects = async (run = 'r1'): Promise<string[]> =>
  (await log.rows<{ name: string }>("select key || '#' || n as name from effect where run = $1 order by id", [run])).map(
    ({ name }) => name,
  );

/** Of each key of `names` the numbers in their order. */
function byKey(names: readonly string[]): Map<string, number[]> {
  const keys = new Map<string, number[]>();
  for (const name of names) {
    const [key = '', n] = name.split('#');
    keys.set(key, [...(keys.get(key) ?? []), Number(n)]);
  }
  return keys;
}

/** `count` events of each of `keys`, in turns, of tenant `north` or `south` by the key. */
async function written(keys: number, count: number, topic = 't'): Promise<string[]> {
  const events = Array.from({ length: keys * count }, (_, i) => {
    const key = `k${i % keys}`;
    return event(key, Math.floor(i / keys), { topic, ...(topic === 't' && { tenantId: i % keys === 0 ? 'north' : 'south' }) });
  });
  for (let i = 0; i < events.length; i += 500) await commitEach(log, events.slice(i, i + 500));
  return events.map(({ key, data }) => `${key}#${(data as { n: number }).n}`);
}

test('gives exactly what was committed when it was asked for, in the order of each key, and live consumption goes on with each effect once', async () => {
  await using transport = await redisStreams({ service: serviceOf(redis), topology: replayTopology, logger: silent });
  await using relay = startTestRelay({ log, transport, topology: replayTopology });
  await transport.subscribe('t', { group: 'g' }, apply('live'));
  start({ handler: apply('replay') });
  const before = await written(10, 40);
  let writing = true;
  const writer = (async () => {
    for (let n = 40; writing; n++)
      await commitEach(
        log,
        Array.from({ length: 10 }, (_, k) => event(`k${k}`, n, { tenantId: k === 0 ? 'north' : 'south' })),
      );
  })();
  const rolledBack = await begin(log);
  await rolledBack.enqueue(event('never', 0, { tenantId: 'north' }));
  await rolledBack.rollback();
  await ask(log);
  const { to, handled, failed } = await ended(log);
  writing = false;
  await writer;
  const range = await log.rows<{ name: string }>(
    "select key || '#' || (convert_from(data, 'UTF8')::jsonb->>'n') as name from millrace.outbox where id <= $1",
    [to],
  );
  const replayed = await effects();
  expect(replayed.sort()).toEqual(range.map(({ name }) => name).sort());
  expect(replayed.length).toBeGreaterThanOrEqual(before.length);
  expect([handled, failed]).toEqual([replayed.length, 0]);
  const everything = await log.rows<{ count: string }>('select count(*) from millrace.outbox');
  await eventually(async () => (await effects('')).length === Number(everything[0]!.count), {
    what: 'live consumption has done all',
    timeoutMs: 20_000,
  });
  const live = await effects('');
  expect(new Set(live).size).toBe(live.length);
  for (const run of ['', 'r1']) {
    for (const numbers of byKey(await effects(run)).values()) expect(numbers).toEqual(numbers.map((_, i) => i));
  }
  expect(relay.status().state).toBe('active');
}, 60_000);

test('gives one tenant its events alone, or one key, or what lies between two times', async () => {
  await written(4, 10);
  const [middle] = await log.rows<{ at: Date; id: string; event_id: string }>(
    'select created_at as at, id, event_id from millrace.outbox where id = 21',
  );
  start({ handler: apply() });
  expect(await ask(log, { run: 'tenant', tenant: 'north' })).toBe(10);
  expect(await ask(log, { run: 'key', key: 'k2' })).toBe(10);
  expect(await ask(log, { run: 'since-id', from: '21' })).toBe(20);
  expect(await ask(log, { run: 'since-event', from: middle!.event_id })).toBe(20);
  expect(await ask(log, { run: 'one', from: '21', to: middle!.event_id })).toBe(1);
  const times = await log.rows<{ since: string; until: string }>(
    'select count(*) filter (where created_at >= $1) as since, count(*) filter (where created_at < $1) as until from millrace.outbox',
    [middle!.at.toISOString()],
  );
  expect(await ask(log, { run: 'since-time', from: middle!.at.toISOString() })).toBe(Number(times[0]!.since));
  expect(await ask(log, { run: 'until-time', to: middle!.at.toISOString() })).toBe(Number(times[0]!.until));
  for (const [run, count] of [
    ['tenant', 10],
    ['key', 10],
    ['since-id', 20],
    ['since-event', 20],
    ['one', 1],
  ] as const) {
    expect(await ended(log, run)).toMatchObject({ state: 'done', handled: count, expected: count });
  }
  for (const run of ['since-time', 'until-time']) {
    const { expected, handled } = await ended(log, run);
    expect(handled).toBe(expected);
  }
  expect(
    new Set((await log.rows<{ tenant: string }>("select tenant from effect where run = 'tenant'")).map(({ tenant }) => tenant)),
  ).toEqual(new Set(['north']));
  expect(new Set((await effects('key')).map((name) => name.split('#')[0]))).toEqual(new Set(['k2']));
}, 30_000);

test('of what was missed gives each effect that the database has lost, and no other again', async () => {
  const written40 = await written(4, 10);
  start({ handler: apply() });
  await ask(log, { run: 'first', missed: true });
  await ended(log, 'first');
  expect((await effects('')).sort()).toEqual([...written40].sort());
  // As a standby that was behind comes up: effects and what the inbox knew of them are gone together.
  await log.rows("delete from millrace.inbox i using millrace.outbox o where o.event_id = i.event_id and o.id > 31 and o.key <> 'k1'");
  await log.rows("delete from effect where n >= 8 and key <> 'k1' or n = 7 and key = 'k3'");
  const left = await effects('');
  expect(left.length).toBeLessThan(written40.length - 5);
  await ask(log, { run: 'mend', missed: true, from: '20' });
  expect(await ended(log, 'mend')).toMatchObject({ state: 'done', missed: true, handled: 21, failed: 0 });
  expect((await effects('')).sort()).toEqual([...written40].sort());
}, 30_000);

test('holds 20 times as many failing events as may be handled or ready, and no more', async () => {
  await written(200, 1);
  const tried = new Set<string>();
  const handler: Handler = async ({ id }) => {
    tried.add(id);
    throw new Error('what all of them need is away');
  };
  const replays = start({ handler, retry: { attempts: 3, initialDelayMs: 60_000, maxDelayMs: 60_000 } }, { maxUnhandled: 2, drainMs: 100 });
  await ask(log);
  await eventually(() => tried.size === 40, { what: 'forty wait' });
  await replays.close();
  expect(tried.size).toBe(40);
}, 30_000);

test('waits at its end for transactions that were open when it was asked for, and does not for others', async () => {
  const before = await begin(log);
  await before.enqueue(event('open', 0, { tenantId: 'north' }));
  await commitEach(log, [event('k', 0, { tenantId: 'north' })]);
  await ask(log);
  const after = await begin(log);
  await after.enqueue(event('later', 0, { tenantId: 'north' }));
  start({ handler: apply() });
  await eventually(
    async () =>
      (await log.rows("select 1 from millrace.replay where state = 'running' and updated_at > created_at + interval '1.5 s'")).length > 0,
    {
      what: 'the replay has looked',
    },
  );
  expect(await effects()).toEqual([]);
  await before.commit();
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 2 });
  expect((await effects()).sort()).toEqual(['k#0', 'open#0']);
  await after.rollback();
}, 30_000);

test('goes on in another process when its own was killed, with each effect once and in order', async () => {
  const names = await written(10, 60);
  await ask(log);
  const first = startReplayChild({ url: log.url, name: 'first', handlerMs: 50 });
  await eventually(() => first.lines.filter((line) => line.startsWith('end')).length > 100, {
    what: 'the first is in the middle',
    timeoutMs: 20_000,
  });
  first.kill('SIGKILL');
  await first.gone;
  start({ handler: apply('second') }, { consumerName: 'second' });
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 600, failed: 0 });
  const replayed = await effects();
  expect(replayed.slice().sort()).toEqual(names.slice().sort());
  for (const numbers of byKey(replayed).values()) expect(numbers).toEqual(numbers.map((_, i) => i));
  const by = await log.rows<{ by: string; count: string }>('select by, count(*) from effect group by by');
  expect(Object.fromEntries(by.map(({ by: name, count }) => [name, Number(count) > 50]))).toEqual({ first: true, second: true });
}, 60_000);

test('lets a process that slept through its lease apply nothing any more', async () => {
  await written(4, 30);
  await ask(log);
  let wake = (): void => undefined;
  const asleep: Delivery[] = [];
  const sleeping = startReplays({
    ...{ openClient: deaf(), topology: replayTopology, group: 'g', logger: silent, pollMs: 50, leaseMs: 3_000 },
    handlers: {
      t: {
        concurrency: 1,
        async handler(received, delivery) {
          asleep.push(delivery);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          await apply('sleeper')(received, delivery);
        },
      },
    },
  });
  open.push(sleeping);
  await eventually(() => asleep.length === 1, { what: 'the first event is in hand' });
  let breakOff = (_: Error): void => undefined;
  silence = new Promise((_, reject) => {
    breakOff = reject;
  });
  start({ handler: apply('second') });
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 120 });
  wake();
  const late = once(pool, 'effects', asleep[0]!, async () => undefined).catch((error: unknown) => error);
  expect(isMillraceError(await late, 'CONSUMER_LEASE_LOST')).toBe(true);
  expect(await log.rows("select 1 from effect where by = 'sleeper'")).toEqual([]);
  expect((await effects()).length).toBe(120);
  breakOff(new Error('the connection is gone'));
}, 30_000);

/** What connections of `deaf` answer while they lead nowhere: nothing, and an error in the end. */
let silence: Promise<never> | undefined;
function deaf(): TestLog['open'] {
  silence = undefined;
  return async (name) => {
    const client = await log.open(name);
    const { query } = client;
    client.query = ((...args: unknown[]) =>
      silence ?? (query as (...each: unknown[]) => unknown).apply(client, args)) as typeof client.query;
    return client;
  };
}

test('finds the event that kills its process and sets it aside; the others are handled', async () => {
  await written(5, 8, 'frail');
  await ask(log, { topic: 'frail' });
  // At first not known among those in hand, then alone, as often as a topic tries at the least.
  for (let deaths = 0; deaths < 3; deaths++) {
    const child = startReplayChild({ url: log.url, name: 'dies', poison: '17' });
    await child.gone;
    // As if its lease had run out: that it does is shown above.
    await log.rows("update millrace.replay set lease_until = '-infinity' where state = 'running'");
  }
  start({ handler: apply() });
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 39, failed: 1 });
  const [failure, ...more] = await failuresOfReplay(await log.open(), 'r1');
  expect([failure!.id, failure!.errors[0]!.message, more]).toEqual([17, expect.stringMatching('did not answer for it'), []]);
  const replayed = await effects();
  expect([replayed.length, new Set(replayed).size]).toEqual([39, 39]);
}, 60_000);

test('tries again as its topic says, keeps what failed, and lets other keys and later events go on', async () => {
  await written(3, 400);
  const attempts = new Map<string, number>();
  start(
    {
      async handler(received, delivery) {
        const { n } = jsonData<{ n: number }>(received)!;
        const name = `${received.partitionkey}#${n}`;
        attempts.set(name, delivery.attempt);
        if (name === 'k1#7' && delivery.attempt < 3) throw new Error('not yet');
        if (name === 'k1#9') throw new Error('never');
        if (name === 'k2#0') throw new MillraceError('EVENT_REJECTED', 'makes no sense');
        await apply()(received, delivery);
      },
    },
    { maxUnhandled: 20 },
  );
  await ask(log);
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 1_198, failed: 2 });
  expect([attempts.get('k1#7'), attempts.get('k1#9'), attempts.get('k2#0')]).toEqual([3, 3, 1]);
  const failures = await failuresOfReplay(await log.open(), 'r1');
  expect(failures.map(({ key, errors }) => [key, errors.length, errors.at(-1)!.message])).toEqual([
    ['k2', 1, 'makes no sense'],
    ['k1', 3, 'never'],
  ]);
  for (const numbers of byKey(await effects()).values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
}, 30_000);

test('of a topic that holds keys back gives up the later events of a failed one too', async () => {
  await written(2, 30, 'strict');
  start({
    async handler(received, delivery) {
      if (received.partitionkey === 'k1' && jsonData<{ n: number }>(received)!.n === 10) throw new Error('never');
      await apply()(received, delivery);
    },
  });
  await ask(log, { topic: 'strict' });
  expect(await ended(log)).toMatchObject({ state: 'done', handled: 40, failed: 20 });
  const failures = await failuresOfReplay(await log.open(), 'r1');
  expect(failures.filter(({ errors }) => /waits behind/.test(errors[0]!.message)).length).toBe(19);
}, 30_000);

test('gives batch handlers batches, and keeps to a rate', async () => {
  await written(20, 20);
  const sizes: number[] = [];
  start({
    maxBatch: 50,
    async batchHandler(deliveries) {
      sizes.push(deliveries.length);
    },
  });
  await ask(log);
  expect(await ended(log)).toMatchObject({ handled: 400 });
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(400);
  expect(Math.max(...sizes)).toBeGreaterThan(10);
  const startedAt = performance.now();
  await ask(log, { run: 'slowly', rate: 200 });
  expect(await ended(log, 'slowly')).toMatchObject({ handled: 400 });
  expect(performance.now() - startedAt).toBeGreaterThan(1_700);
}, 30_000);

test('stops within a second when it is cancelled', async () => {
  await written(10, 200);
  const seen: MillraceEvent[] = [];
  const replays = start({
    async handler(received) {
      seen.push(received);
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  await ask(log);
  await eventually(() => seen.length > 20, { what: 'it is at work' });
  const client = await log.open();
  expect(await cancelReplay(client, 'r1')).toBe(true);
  await eventually(() => replays.running() === undefined, { what: 'it has stopped', timeoutMs: 3_000 });
  const { length } = seen;
  expect(length).toBeLessThan(2_000);
  expect(await replayStanding(client, 'r1')).toMatchObject({ state: 'cancelled' });
  expect(await cancelReplay(client, 'r1')).toBe(false);
}, 30_000);

test('fails when the log loses a partition that was still to be read', async () => {
  await written(2, 5);
  await log.rows("select setval('millrace.outbox_id', 1000000)");
  await written(2, 5);
  await ask(log);
  await log.rows('drop table millrace.outbox_1000001');
  start({ handler: apply() });
  expect(await ended(log)).toMatchObject({
    state: 'failed',
    error: expect.stringMatching(/the log lost events between 1 and .* millrace archive restore/),
  });
  expect(await effects()).toEqual([]);
  await expect(ask(log, { run: 'r2', from: '5' })).rejects.toMatchObject({
    code: 'REPLAY_OUT_OF_LOG',
    message: expect.stringMatching(/the log begins with id 1000001, 20/),
  });
  await expect(ask(log, { run: 'r2', from: '2026-11-01' })).rejects.toMatchObject({ code: 'REPLAY_OUT_OF_LOG' });
  expect(await ask(log, { run: 'r2', from: '1000001' })).toBe(10);
  expect(await ended(log, 'r2')).toMatchObject({ state: 'done', handled: 10 });
}, 30_000);
