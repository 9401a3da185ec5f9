import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';
import { streamEntries } from '../support/streams.ts';
import { openTransport, plainClient, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

let postgres: TestPostgres;
let redis: TestRedis;
let log: TestLog;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  await log.close();
  const client = await plainClient(redis);
  await client.flushall();
  client.disconnect();
});

/** A relay as a deployment starts it: with a topology of its own. */
async function start(topics: TopicInputs): Promise<TestRelay> {
  const transport = await openTransport(serviceOf(redis), topics);
  const relay = startTestRelay({ log, transport, topology: topologyOf(topics) });
  open.push(transport, relay);
  return relay;
}

const t = { tenantless: true };
const onTopic = (topics: TopicInputs, topic: string) =>
  streamEntries(redis, topologyOf(topics), topic).then((all) => all.map(({ name }) => name));
const parked = () =>
  log.rows<{ id: string; key: string; attempts: number; errors: { error: string }[]; waits: boolean }>(
    "select id, key, attempts, errors, next_attempt_at = 'infinity' as waits from millrace.parked where published_at is null order by id",
  );
const dead = () =>
  log.rows<{ key: string; attempts: number; errors: { error: string }[] }>(
    'select key, attempts, errors from millrace.dead_letter order by id',
  );

test('an unknown topic parks its keys and nothing else; once a relay knows it, its events go out in order', async () => {
  const late = (n: number) => event('k', n, { topic: 'late' });
  const old = await start({ t });
  await commitEach(log, [late(0)], [event('k')], [late(1)], [event('other')]);
  await drained(log);
  expect((await parked()).map(({ key }) => key)).toEqual(['k', 'k']);
  expect(old.status().blockedKeys).toBe(1);
  expect(await onTopic({ t }, 't')).toEqual(['k#0', 'other#0']);
  await eventually(async () => (await parked())[0]!.attempts > 1, { what: 'it is tried again' });
  expect((await parked())[0]!.errors.at(-1)!.error).toMatch(/topic late is not in the topology/);
  await old.close();

  await commitEach(log, [late(2)]);
  const both = { t, late: t };
  await start(both);
  await commitEach(log, [late(3)]);
  await log.rows("update millrace.parked set next_attempt_at = '-infinity'"); // as time passes
  await eventually(async () => (await onTopic(both, 'late')).length === 4, { what: 'the four are published' });
  expect(await onTopic(both, 'late')).toEqual(['k#0', 'k#1', 'k#2', 'k#3']);
  await eventually(async () => (await parked()).length === 0, { what: 'nothing is parked' });
});

test('an event above the limit of its topic is given up with its history, and its key goes on', async () => {
  const topics: TopicInputs = { t: { ...t, maxBytes: 60, onExhausted: 'skip' } };
  await start(topics);
  await commitEach(log, [event('k', 0)], [event('k', 1, { data: { n: 1, ballast: 'x'.repeat(60) } })], [event('k', 2)]);
  await drained(log);
  await eventually(async () => (await onTopic(topics, 't')).includes('k#2'), { what: 'the key goes on' });
  expect(await onTopic(topics, 't')).toEqual(['k#0', 'k#2']);
  expect(await dead()).toMatchObject([{ key: 'k', attempts: 1, errors: [{ error: expect.stringMatching(/at most 60 bytes/) }] }]);
});

test('where the topic blocks, the key waits for a person and goes on in order when the person says so', async () => {
  const topics: TopicInputs = { t: { ...t, maxBytes: 60, onExhausted: 'block' } };
  const relay = await start(topics);
  await commitEach(log, [event('k', 0)], [event('k', 1, { data: { n: 1, ballast: 'x'.repeat(60) } })], [event('k', 2)], [event('other')]);
  await drained(log);
  expect(await onTopic(topics, 't')).toEqual(['k#0', 'other#0']);
  expect(await parked()).toMatchObject([{ attempts: 1, waits: true }, { attempts: 0 }]);
  await relay.close();

  const wider: TopicInputs = { t: { ...t, maxBytes: 600, onExhausted: 'block' } };
  await start(wider);
  await log.rows("update millrace.parked set next_attempt_at = '-infinity'");
  await eventually(async () => (await onTopic(wider, 't')).length === 4, { what: 'the key goes on' });
  expect(await onTopic(wider, 't')).toEqual(['k#0', 'other#0', 'k#1', 'k#2']);
});

test.each([['tenant'], ['shared']] as const)(
  'an event without tenant on a topic of tenants is given up (isolation %s)',
  async (isolation) => {
    const topics: TopicInputs = { tenants: { isolation, shards: 1 } };
    await start(topics);
    await commitEach(log, [event('k', 0, { topic: 'tenants' })], [event('k', 1, { topic: 'tenants', tenantId: 'acme' })]);
    await drained(log);
    expect(await dead()).toMatchObject([
      { key: 'k', errors: [{ error: expect.stringMatching(/belongs to tenants, .*enqueue it with its tenant_id/) }] },
    ]);
    const client = await plainClient(redis);
    const [[, fields]] = (await client.xrange(
      isolation === 'tenant' ? 'tenant:{acme}:stream:tenants' : 'stream:{tenants:0}',
      '-',
      '+',
    )) as [[string, string[]]];
    client.disconnect();
    // Who names no actor has acted itself.
    expect(fields[fields.indexOf('actorid') + 1]).toBe(fields[fields.indexOf('source') + 1]);
  },
);

test.each([['skip' as const], ['block' as const]])(
  'a key of another type where the stream should be loses nothing (%s)',
  async (onExhausted) => {
    const topics: TopicInputs = { t: { ...t, onExhausted }, fine: t };
    const client = await plainClient(redis);
    await client.set('stream:{t:0}', 'in the way');
    await start(topics);
    await commitEach(log, [event('k', 0)], [event('k', 1)], [event('k', 0, { topic: 'fine' })]);
    await drained(log);
    expect(await onTopic(topics, 'fine')).toEqual(['k#0']);
    await client.del('stream:{t:0}');
    client.disconnect();
    await log.rows("update millrace.parked set next_attempt_at = '-infinity'");
    await eventually(async () => (await onTopic(topics, 't')).length + (await dead()).length === 2, {
      what: 'each is published or kept as a dead letter',
    });
  },
);

test('a crash between attempts changes nothing: what is parked stays parked, in order, and nothing of the key overtakes', async () => {
  const late = (n: number) => event('k', n, { topic: 'late' });
  for (let n = 0; n < 5; n++) {
    const relay = await start({ t });
    await commitEach(log, [late(n)], [event(`free${n}`)]);
    await eventually(async () => (await onTopic({ t }, 't')).includes(`free${n}#0`), { what: 'the free key is published' });
    await relay.crash();
  }
  const both = { t, late: t };
  await start(both);
  await eventually(
    async () => {
      await log.rows("update millrace.parked set next_attempt_at = '-infinity' where published_at is null");
      return (await onTopic(both, 'late')).length >= 5;
    },
    { what: 'all are published' },
  );
  expect([...new Set(await onTopic(both, 'late'))]).toEqual(['k#0', 'k#1', 'k#2', 'k#3', 'k#4']);
});

test('a broker that is away holds everything back and loses nothing', async () => {
  const relay = await start({ t });
  await commitEach(log, [event('k', 0)]);
  await drained(log);
  await redis.kill();
  await commitEach(log, [event('k', 1)], [event('k', 2)]);
  await eventually(() => relay.said.some(({ message }) => message === 'broker does not take events, retrying'), {
    what: 'the relay says so',
  });
  expect((await sinkRow(log))!.low).toBe(1);
  expect(await parked()).toEqual([]);
  await redis.restart();
  await eventually(async () => (await onTopic({ t }, 't')).includes('k#2'), { what: 'all are published', timeoutMs: 20_000 });
  expect([...new Set(await onTopic({ t }, 't'))]).toEqual(['k#0', 'k#1', 'k#2']);
  expect(await dead()).toEqual([]);
});

test('twenty thousand parked events do not hold up the others', async () => {
  const relay = await start({ t });
  await eventually(() => relay.status().state === 'active', { what: 'the relay works' });
  await relay.close();
  await log.rows(`insert into millrace.parked (sink, id, event_id, topic, key, type, source, created_at, next_attempt_at)
    select 'redis-streams@events', g, millrace.uuid_v7(), 'late', 'k' || g % 5000, 'x', '/x', now(), case when g <= 5000 then now() + interval '1 hour' else '-infinity' end
    from generate_series(1, 20000) g`);
  await log.rows("select setval('millrace.outbox_id', 20000)");
  const other = await start({ t });
  await eventually(() => other.status().state === 'active', { what: 'the relay works again', timeoutMs: 20_000 });
  for (let n = 0; n < 10; n++) {
    const startedAt = performance.now();
    await commitEach(log, [event('free', n)]);
    await eventually(async () => (await onTopic({ t }, 't')).includes(`free#${n}`), { what: 'a free key is published', timeoutMs: 20_000 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }
});
