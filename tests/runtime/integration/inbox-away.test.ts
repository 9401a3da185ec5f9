import { Pool } from 'pg';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { once, onceForAll } from '../../../runtime/src/inbox/index.ts';
import { uuidv7 } from '../../../runtime/src/outbox/uuid.ts';
import type { Delivery, Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { openLog, type TestLog } from '../support/log.ts';
import { eventsOf, openTransport, serviceOf } from './redis-streams-fixture.ts';

const retry = { attempts: 2, initialDelayMs: 10, maxDelayMs: 20 };
const topics = {
  singly: { tenantless: true, retry, consumers: [{ group: 'g', concurrency: 4 }] },
  batches: { tenantless: true, retry, consumers: [{ group: 'g', concurrency: 2 }] },
};
const insertSql = 'insert into effect (id) select unnest($1::uuid[])';

let postgres: TestPostgres;
let redis: TestRedis;
let log: TestLog;
let pool: Pool;
let transport: Transport;
const warnings: string[] = [];
const attempts: number[] = [];
const note = (deliveries: readonly Delivery[]): void => void attempts.push(...deliveries.map(({ attempt }) => attempt));

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  log = await openLog(postgres);
  await log.rows('create table effect (id uuid)');
  pool = new Pool({ connectionString: log.url, max: 8 });
  pool.on('error', () => undefined);
  const logger = { info: () => undefined, error: () => undefined, warn: (_: object, message: string) => void warnings.push(message) };
  transport = await openTransport(serviceOf(redis), topics, { logger, leaseMs: 10_000 });
}, 60_000);
afterAll(async () => {
  await transport.close();
  await pool.end();
  await log.close();
  await Promise.all([postgres.stop(), redis.stop()]);
});

const subscribe: Readonly<Record<string, () => Promise<unknown>>> = {
  singly: () =>
    transport.subscribe('singly', { group: 'g' }, async (_, delivery) => {
      note([delivery]);
      await once(pool, 'singly', delivery, async (client) => void (await client.query(insertSql, [[delivery.event.id]])));
    }),
  batches: () =>
    transport.subscribeBatches('batches', { group: 'g', maxBatch: 10 }, async (deliveries) => {
      note(deliveries);
      await onceForAll(pool, 'batches', deliveries, async (client, fresh) => {
        await client.query(insertSql, [fresh.map(({ event }) => event.id)]);
      });
    }),
};
/** As the outbox draws them. */
const withIds = (events: readonly MillraceEvent[]): MillraceEvent[] => events.map((event) => ({ ...event, id: uuidv7() }));
const deadLetters = async (topic: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { id } of transport.deadLetters(topic, 'g').list()) found.push(id);
  return found;
};

test.each(Object.keys(subscribe))(
  'events wait for a database that is away for longer than their attempts last, %s',
  async (topic) => {
    const events = withIds(eventsOf(25, { keys: 5 }));
    const subscription = (await subscribe[topic]!()) as { close(): Promise<void> };
    await postgres.kill();
    warnings.length = attempts.length = 0;
    await transport.publish(topic, events);
    // Five keys, of which each would have used up its two attempts by then.
    await eventually(() => warnings.filter((text) => text.includes('is away')).length >= 20, { what: 'it was tried in vain' });
    expect(await deadLetters(topic)).toEqual([]);
    await postgres.restart();
    const effects = async (): Promise<string[]> =>
      (await log.rows<{ id: string }>('select id from effect where id = any($1) order by id', [events.map(({ id }) => id)])).map(
        ({ id }) => id,
      );
    await eventually(async () => (await effects().catch(() => [])).length >= events.length, {
      what: 'all effects are there',
      timeoutMs: 20_000,
    });
    expect(await effects()).toEqual(events.map(({ id }) => id).sort());
    expect(new Set(attempts)).toEqual(new Set([1]));
    expect(await deadLetters(topic)).toEqual([]);
    await subscription.close();
  },
  60_000,
);

test('an effect that the database itself refuses answers for itself, as one that breaks its connection does', async () => {
  const [refused, breaking] = withIds(eventsOf(2, { keys: 2 })) as [MillraceEvent, MillraceEvent];
  const subscription = await transport.subscribe('singly', { group: 'g' }, async ({ id }, delivery) => {
    await once(pool, 'singly', delivery, async (client) => {
      await client.query(id === refused.id ? 'insert into nowhere values (1)' : 'select pg_terminate_backend(pg_backend_pid())');
    });
  });
  await transport.publish('singly', [refused, breaking]);
  await eventually(async () => (await deadLetters('singly')).length === 2, { what: 'both are given up' });
  await subscription.close();
});
