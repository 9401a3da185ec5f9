import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import type { TestKafka } from '../../support/servers.ts';
import { createTopic, kafkaConnections, openSockets, proxiedKafka, refusal, report, timed, topicName } from '../support/kafka.ts';
import { startKafkaClient } from './kafka-child.ts';

const kafka = proxiedKafka();
const connections = kafkaConnections();

afterEach(async () => {
  kafka.proxy.restore();
  await connections.closeAll();
});

/** From the first broker on, through the proxy. */
function proxied(): ReturnType<TestKafka['handle']> {
  return kafka.server.handle({ port: kafka.proxy.port });
}

test('a process that sends and consumes outlives kill -9, a standstill, resets and a black hole of its broker, without loss or noise', async () => {
  const topic = await createTopic(await connections.open(kafka.server.handle()), 'outlives');
  const env: Record<string, string> = {};
  const handle = kafka.server.handle({ env });
  const [node] = kafka.server.nodes;
  const client = startKafkaClient(handle, { env, topic, group: topicName('group'), options: { requestTimeoutMs: 3_000 }, consumer: {} });
  await client.flows();

  const killedAt = performance.now();
  await node!.kill();
  await client.first('failed', killedAt);
  await pause(3_000); // the time over which the processor is sampled
  const share = client.cpuShare(killedAt, performance.now());
  await node!.restart();
  const backAt = performance.now();
  await client.flows();
  report('kill -9 and restart, after the broker is ready', performance.now() - backAt);
  process.stderr.write(`kafka: client uses ${(share * 100).toFixed(1)} % of a core while the broker is away\n`);
  expect(share).toBeLessThan(0.3);

  const pausedAt = performance.now();
  await node!.pause();
  const noticedAt = await client.first('error', pausedAt);
  process.stderr.write(`kafka: SIGSTOP: noticed in ${Math.round(noticedAt - pausedAt)} ms (requestTimeoutMs 3000)\n`);
  await node!.resume();
  const resumedAt = performance.now();
  await client.flows();
  report('SIGSTOP, after SIGCONT', performance.now() - resumedAt);

  const cutAt = performance.now();
  kafka.proxy.cut();
  await client.flows();
  report('connections reset', performance.now() - cutAt);

  kafka.proxy.blackHole();
  await client.first('error', performance.now());
  kafka.proxy.restore();
  const restoredAt = performance.now();
  await client.flows();
  report('black-holed sockets, after the line is back', performance.now() - restoredAt);

  await client.nothingLost();
  const { code, stderr } = await client.end();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(client.lines.at(-1)?.verb).toBe('closed');
}, 180_000);

test('a connection that gives no answer is given up after one request, not by the kernel a quarter of an hour later', async () => {
  const connection = await connections.open(proxied(), { requestTimeoutMs: 500 });
  await eventually(() => connection.metadata(), { what: 'it answers' });
  kafka.proxy.blackHole();
  expect(await refusal(connection.metadata())).toMatchObject({ code: 'CONNECTION_TIMEOUT', retriable: true });
  await eventually(() => kafka.proxy.connections() === 0, { what: 'its socket is closed' });
  kafka.proxy.restore();
  await eventually(() => connection.metadata(), { what: 'it answers again' });
});

test('a send fails fast while the broker is away, and what it opened is closed', async () => {
  const topic = await createTopic(await connections.open(kafka.server.handle()), 'fast');
  const before = openSockets();
  const connection = await connections.open(proxied(), { requestTimeoutMs: 1_000, connectTimeoutMs: 2_000 });
  const producer = await connection.producer({ sendTimeoutMs: 1_500 });
  await eventually(() => producer.send([{ topic, messages: [{ value: 'x' }] }]), { what: 'it sends' });
  kafka.proxy.blackHole();
  const hung = await timed(refusal(producer.send([{ topic, messages: [{ value: 'y' }] }])));
  expect(hung.value).toMatchObject({ code: expect.stringMatching(/^CONNECTION_(TIMEOUT|FAILED)$/), retriable: true });
  expect(hung.ms).toBeLessThan(5_000);
  kafka.proxy.restore();
  await eventually(() => producer.send([{ topic, messages: [{ value: 'y' }] }]), { what: 'it sends again' });
  await connection.close();
  await eventually(() => openSockets() <= before, { what: 'no socket is left' });
});

test('a consumer that does nothing any more is built anew; one whose handler is slow is not', async () => {
  const told: string[] = [];
  const connection = await connections.open(proxied(), {
    // Longer than the watchdog waits: nothing else notices in time.
    requestTimeoutMs: 60_000,
    onError: (error) => told.push(error.message),
  });
  const topic = await createTopic(connection, 'stuck', { partitions: 1 });
  const values: string[] = [];
  let slowMs = 0;
  const consumer = await connection.consumer({
    groupId: topicName('group'),
    topics: [topic],
    maxSilenceMs: 4_000,
    heartbeatIntervalMs: 300,
    eachBatch: async ({ batch }) => {
      await pause(slowMs);
      values.push(...batch.messages.map(({ value }) => String(value)));
    },
  });
  const outside = await connections.open(kafka.server.handle());
  const producer = await outside.producer();
  await producer.send([{ topic, messages: [{ value: 'first' }] }]);
  await eventually(() => values.includes('first'), { what: 'it consumes' });

  const { rebuilds } = consumer.status();
  slowMs = 8_000;
  await producer.send([{ topic, messages: [{ value: 'slow' }] }]);
  await eventually(() => consumer.silentForMs() > 5_000, { what: 'the silence of the handler shows', timeoutMs: 20_000 });
  await eventually(() => values.includes('slow'), { what: 'the slow handler has finished', timeoutMs: 20_000 });
  expect(consumer.status().rebuilds).toBe(rebuilds);

  slowMs = 0;
  kafka.proxy.blackHole();
  await eventually(() => told.some((text) => text.includes('has done nothing for')), { what: 'the silence is told', timeoutMs: 20_000 });
  kafka.proxy.restore();
  const restoredAt = performance.now();
  await eventually(() => outside.metadata(), { what: 'the broker is there again' });
  await eventually(() => producer.send([{ topic, messages: [{ value: 'last' }] }]), { what: 'a message is sent' });
  await eventually(() => values.includes('last'), { what: 'it consumes again', timeoutMs: 30_000 });
  report('a stuck consumer, after the line is back', performance.now() - restoredAt);
  expect(consumer.status().rebuilds).toBeGreaterThan(rebuilds);
}, 90_000);
