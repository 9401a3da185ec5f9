import Redis from 'ioredis';
import { memoryPerByte } from '../../environments/estimates/redis.ts';
import { attributeNames, type MillraceEvent } from '../../runtime/src/contracts/event.ts';
import { startTestRedis, type TestRedis } from '../support/servers.ts';

const entries = 5_000;
const attributes: Readonly<Partial<Record<keyof MillraceEvent, string>>> = {
  id: '0199f3a2-7c1e-7b52-9c3e-5d2f8a1b4c6d',
  source: '/services/orders',
  type: 'com.example.order.created',
  subject: 'order-12345678',
  time: '2026-11-21T15:42:00.123Z',
  datacontenttype: 'application/json',
  tenantid: 'acme-inc',
  actorid: 'user-12345678',
  partitionkey: 'order-12345678',
  sequence: '1234567',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

let server: TestRedis;
let client: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  client = new Redis({ host: server.host, port: server.port, password: server.password });
});
afterAll(async () => {
  client?.disconnect();
  await server?.stop();
});

/** Bytes of a stream over the bytes of its events, laid out as the transport does it. */
async function memoryOver(eventBytes: number): Promise<number> {
  const fields = attributeNames.flatMap((name) => (attributes[name] === undefined ? [] : [name, attributes[name]]));
  const own = Object.values(attributes).join('').length;
  const data = 'x'.repeat(eventBytes - own);
  const key = `events-of-${eventBytes}`;
  const pipeline = client.pipeline();
  for (let entry = 0; entry < entries; entry++) pipeline.xadd(key, '*', 'specversion', '1.0', ...fields, 'data', data);
  await pipeline.exec();
  const used = (await client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')) as number;
  await client.del(key);
  return used / entries / eventBytes;
}

test.each([500, 1_000, 3_000])('events of %i bytes take what is estimated, and not much less', async (bytes) => {
  const measured = await memoryOver(bytes);
  expect(measured).toBeLessThanOrEqual(memoryPerByte);
  expect(measured).toBeGreaterThan(memoryPerByte * 0.8);
});
