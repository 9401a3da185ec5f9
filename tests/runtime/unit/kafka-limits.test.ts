import { setTimeout as delay } from 'node:timers/promises';
import * as kafkajs from 'kafkajs';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { clientSource } from '../../../runtime/src/connections/kafka/client.ts';
import { openConsumer } from '../../../runtime/src/connections/kafka/consumer.ts';
import { resolveConsumerOptions } from '../../../runtime/src/connections/kafka/consumer-options.ts';
import { kafkaError } from '../../../runtime/src/connections/kafka/errors.ts';
import { partsOf } from '../../../runtime/src/connections/kafka/parts.ts';
import { openProducer } from '../../../runtime/src/connections/kafka/producer.ts';
import { saslMechanism } from '../../../runtime/src/connections/kafka/sasl.ts';
import { resolveKafkaOptions } from '../../../runtime/src/connections/kafka/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { kafkaConnections, refusal, timed } from '../support/kafka.ts';
import { type FakeBroker, fakeBroker, fakeSource, plainHandle } from '../support/kafka-fakes.ts';

const connections = kafkaConnections();
afterEach(() => connections.closeAll());

const never = new Promise<never>(() => undefined);
const done = async (): Promise<void> => undefined;
const batch = [{ topic: 'orders', messages: [{ value: 'x' }] }];
/** Far more than any limit set here, so that a bound fails only when something is really wrong. */
const muchMs = 3_000;

describe('a producer that has to reconnect', () => {
  /** The first client leaves a batch unanswered, and the second takes `connectMs` to connect. */
  async function reconnecting(sendTimeoutMs: number, connectMs: number) {
    const sent: unknown[] = [];
    const sendBatch = async (given: unknown) => {
      sent.push(given);
      return [{ topicName: 'orders', partition: 0, errorCode: 0, baseOffset: '0' }];
    };
    const { source, ended } = fakeSource(
      [
        { connect: done, sendBatch: () => never },
        { connect: () => delay(connectMs, undefined, { ref: false }), sendBatch },
      ],
      { connectTimeoutMs: 2 * muchMs, closeTimeoutMs: 50 },
    );
    const onClosed = jest.fn();
    const producer = await openProducer(source, { sendTimeoutMs }, onClosed);
    connections.also(producer);
    expect(await refusal(producer.send(batch))).toMatchObject({ code: 'CONNECTION_TIMEOUT' });
    return { producer, sent, ended, onClosed };
  }

  test('gives a batch no more time for that than it has in all', async () => {
    const { producer, ended } = await reconnecting(100, muchMs + 500);
    const { value: error, ms } = await timed(refusal(producer.send(batch)));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
    expect(ms).toBeLessThan(muchMs);
    expect(ended).toEqual([true, true]);
  });

  test('sends nothing after close() has returned', async () => {
    const { producer, sent, ended, onClosed } = await reconnecting(200, 400);
    const waiting = refusal(producer.send(batch));
    await eventually(() => ended.length === 2, { what: 'it reconnects' });
    await producer.close();
    expect(onClosed).toHaveBeenCalledTimes(1);
    expect(ended).toEqual([true, true]);
    expect((await waiting).code).toMatch(/^CONNECTION_(CLOSED|FAILED)$/);
    // Past the moment at which the second client has connected.
    await delay(450);
    expect(sent).toEqual([]);
  });
});

describe('what never ends is bounded', () => {
  const settings = { connectTimeoutMs: 100 };
  const tls = { caRef: { from: 'env', id: 'CA' } } as const;
  const scram = { mode: 'scram', username: 'orders', secretRef: { from: 'env', id: 'PASSWORD' } } as const;
  const withoutAnswer = (handle: ServiceHandle): ServiceHandle => ({ ...handle, secret: () => never });

  test('reading certificates', async () => {
    const handle = withoutAnswer(plainHandle([1], { tls }));
    const { value: error, ms } = await timed(refusal(clientSource(handle, resolveKafkaOptions(settings)).open()));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable: true });
    const first = await timed(refusal(connections.open(handle, settings)));
    expect(Math.max(ms, first.ms)).toBeLessThan(muchMs);
  });

  test('reading the password', async () => {
    const mechanism = await saslMechanism(kafkajs, withoutAnswer(plainHandle([1], { auth: scram })), resolveKafkaOptions(settings));
    const logger = new kafkajs.Kafka({ brokers: ['unused:1'] }).logger();
    const provider = mechanism?.authenticationProvider({ host: 'b1', port: 1, logger, saslAuthenticate: () => never });
    const error: unknown = await Promise.resolve(provider?.authenticate()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'KafkaJSConnectionError', cause: { code: 'SECRET_UNAVAILABLE' } });
    expect(kafkaError(error, 'log')).toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  });

  test('connecting a consumer', async () => {
    const { source, ended } = fakeSource([{ connect: () => never, events: {} }], settings);
    const options = resolveConsumerOptions({ groupId: 'group', topics: [], eachBatch: done });
    const error = await refusal(openConsumer(source, options, () => undefined));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(ended).toEqual([true]);
  });
});

describe('a bootstrap broker that accepts and stays silent', () => {
  const brokers: FakeBroker[] = [];
  async function start(...names: string[]): Promise<FakeBroker[]> {
    brokers.push(...(await Promise.all(names.map(fakeBroker))));
    return brokers;
  }
  afterEach(async () => {
    await connections.closeAll();
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  });
  const handleOf = (): ServiceHandle => plainHandle(brokers.map(({ port }) => port));

  test.each([
    ['requestTimeoutMs', { requestTimeoutMs: 200, connectTimeoutMs: 20_000 }],
    ['half of connectTimeoutMs', { connectTimeoutMs: 2_000 }],
  ])('is left for another one after %s', async (_limit, options) => {
    const [silent] = await start('silent', 'live');
    silent?.silence();
    const { value: connection, ms } = await timed(connections.open(handleOf(), options));
    expect(await connection.clusterId()).toBe('live');
    expect(silent?.asked()).toBeGreaterThan(0);
    expect(ms).toBeLessThan(muchMs);
  });

  test('is left for another one when it falls silent later', async () => {
    const [first] = await start('first', 'second');
    const connection = await connections.open(handleOf(), { requestTimeoutMs: 200 });
    expect(await connection.clusterId()).toBe('first');
    first?.silence();
    expect(await refusal(connection.clusterId())).toMatchObject({ code: 'CONNECTION_TIMEOUT' });
    expect(await connection.clusterId()).toBe('second');
  });
});

test('a listener that throws does not end a consumer, which is built anew', async () => {
  const thrown = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined);
  const listeners = new Map<string, (event: unknown) => void>();
  const events = { CRASH: 'crash' };
  const part = { connect: done, subscribe: done, run: done, events, on: (name: string, tell: () => void) => listeners.set(name, tell) };
  const { source } = fakeSource([part, part], {
    onError: () => {
      throw new Error('of the listener');
    },
  });
  const onClosed = jest.fn();
  const consumer = await openConsumer(source, resolveConsumerOptions({ groupId: 'group', topics: [], eachBatch: done }), onClosed);
  connections.also(consumer);
  listeners.get('crash')?.({ payload: { error: new Error('crashed') } });
  await eventually(() => consumer.status().rebuilds === 1, { what: 'it is built anew' });
  expect(thrown.mock.calls[0]?.[0]).toThrow('of the listener');
  thrown.mockRestore();
  await consumer.close();
  expect(onClosed).toHaveBeenCalledTimes(1);
});

test('a connection forgets what has closed by itself, and closes the rest', async () => {
  const closed: string[] = [];
  const part = (name: string) => ({ close: async () => void closed.push(name) });
  const parts = partsOf({ where: 'kafka' }, part('asker'));
  let forget = (): void => undefined;
  await parts.kept(async (given) => {
    forget = given;
    return part('producer');
  });
  await parts.kept(async () => part('consumer'));
  forget();
  await parts.close();
  expect(closed).toEqual(['asker', 'consumer']);
});
