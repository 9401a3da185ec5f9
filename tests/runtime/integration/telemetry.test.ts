import { join } from 'node:path';
import { type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { enqueue, type NewEvent } from '../../../runtime/src/outbox/enqueue.ts';
import { isObserved } from '../../../runtime/src/telemetry/observed.ts';
import { send } from '../../../runtime/src/telemetry/send.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { startClientProcess } from '../support/client-process.ts';
import { begin, event, openLog, type TestLog } from '../support/log.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';
import { startTestSdk, type TestSdk } from '../support/telemetry.ts';
import { openTransport, serviceOf, type TopicInputs, topologyOf } from './redis-streams-fixture.ts';

const topics: TopicInputs = {
  t: { tenantless: true },
  rooted: { tenantless: true },
  batches: { tenantless: true },
  failing: { tenantless: true },
};

let postgres: TestPostgres;
let redis: TestRedis;
let log: TestLog;
let transport: Transport;
let relay: TestRelay;
let sdk: TestSdk;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  log = await openLog(postgres);
  sdk = startTestSdk();
  transport = await openTransport(serviceOf(redis), topics);
  relay = startTestRelay({ log, transport, topology: topologyOf(topics) });
});
afterAll(async () => {
  await relay?.close();
  await transport?.close();
  await sdk?.stop();
  await log?.close();
  await Promise.all([postgres?.stop(), redis?.stop()]);
});
beforeEach(() => sdk.forget());

const messaging = (operation: string, system: string, topic: string, more: object = {}) => ({
  'messaging.system': system,
  'messaging.destination.name': topic,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  ...more,
});
const tracer = () => trace.getTracer('test');
const named = ({ traceId, spanId }: SpanContext) => ({ traceId, spanId });

/** Enqueues in a transaction of its own. */
async function commit(...events: NewEvent[]): Promise<void> {
  const transaction = await begin(log);
  await transaction.enqueue(...events);
  await transaction.commit();
}

/** Until the spans of handled deliveries are there, which end after the handlers. */
const ended = (name: string) => eventually(() => sdk.spans().some((span) => span.name === name), { what: `${name} has ended` });

test('a request, its event, the send and the handler are one linked trace', async () => {
  let inHandler: SpanContext | undefined;
  await using _ = await transport.subscribe('t', { group: 'g' }, async () => {
    inHandler = trace.getActiveSpan()?.spanContext();
    await new Promise(setImmediate);
    tracer().startSpan('work of the handler').end();
  });
  await tracer().startActiveSpan('POST /orders', { kind: SpanKind.SERVER }, async (span) => {
    await commit(event('k'));
    span.end();
  });
  await ended('process t');
  await ended('send t'); // the relay may hear of it after the consumer
  const [request, create, sent, process, inner] = ['POST /orders', 'create t', 'send t', 'process t', 'work of the handler'].map(sdk.span);
  const [row] = await log.rows<{ event_id: string; headers: { traceparent: string } }>('select event_id, headers from millrace.outbox');
  const id = row!.event_id;

  expect(create).toMatchObject({ kind: SpanKind.PRODUCER, status: { code: SpanStatusCode.UNSET } });
  expect(create!.attributes).toEqual(messaging('create', 'millrace', 't', { 'messaging.message.id': id }));
  expect(create!.parentSpanContext).toMatchObject(named(request!.spanContext()));
  const { traceId, spanId } = create!.spanContext();
  expect(row!.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);

  expect(sent).toMatchObject({ kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET }, parentSpanContext: undefined });
  expect(sent!.attributes).toEqual(messaging('send', 'redis', 't', { 'messaging.batch.message_count': 1 }));
  expect(sent!.links).toMatchObject([{ context: { traceId, spanId, isRemote: true }, attributes: { 'messaging.message.id': id } }]);

  expect(process).toMatchObject({ kind: SpanKind.CONSUMER, status: { code: SpanStatusCode.UNSET }, parentSpanContext: undefined });
  expect(process!.attributes).toEqual(
    messaging('process', 'redis', 't', { 'messaging.consumer.group.name': 'g', 'messaging.message.id': id }),
  );
  expect(process!.links).toMatchObject([{ context: { traceId, spanId } }]);
  expect(process!.spanContext().traceId).not.toBe(traceId);
  expect(inHandler).toMatchObject(named(process!.spanContext()));
  expect(inner!.parentSpanContext).toMatchObject(named(process!.spanContext()));
  expect(process!.instrumentationScope).toMatchObject({ name: 'millrace', schemaUrl: 'https://opentelemetry.io/schemas/1.44.0' });
});

test('a handler begins at the root, wherever its subscription was made', async () => {
  await tracer().startActiveSpan('start of the service', async (span) => {
    await transport.subscribe('rooted', { group: 'g' }, async () => undefined);
    span.end();
  });
  await commit(event('k', 0, { topic: 'rooted' }));
  await ended('process rooted');
  expect(sdk.span('process rooted').parentSpanContext).toBeUndefined();
});

test('a batch is one span, with as many links as SDKs keep; a trace that the caller names is kept, state and all', async () => {
  const sizes: number[] = [];
  const foreign = { traceparent: `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-00`, tracestate: 'vendor=1,other=2' };
  await commit(...Array.from({ length: 200 }, () => event('one', 0, { topic: 'batches', ...foreign })));
  await ended('send batches');
  await transport.startGroup!('batches', 'g', 'earliest');
  await using _ = await transport.subscribeBatches('batches', { group: 'g', maxBatch: 200 }, async (deliveries) => {
    sizes.push(deliveries.length);
  });
  await eventually(() => sizes.reduce((sum, size) => sum + size, 0) === 200, { what: 'all are handled' });
  await ended('process batches');
  expect(sdk.spans().filter(({ name }) => name.startsWith('create'))).toEqual([]);
  expect(sdk.span('send batches').attributes).toEqual(messaging('send', 'redis', 'batches', { 'messaging.batch.message_count': 200 }));
  expect(sdk.span('send batches').links).toHaveLength(128);
  const batches = sdk.spans().filter(({ name }) => name === 'process batches');
  expect(batches.map(({ attributes }) => attributes['messaging.batch.message_count'])).toEqual(sizes);
  for (const { links, attributes } of batches) {
    expect(links).toHaveLength(Math.min(128, attributes['messaging.batch.message_count'] as number));
    expect(links[0]!.context).toMatchObject({ traceId: 'a1'.repeat(16), spanId: 'b2'.repeat(8), traceFlags: 0 });
    expect(links[0]!.context.traceState?.serialize()).toBe('vendor=1,other=2');
    expect(links[0]!.attributes).toEqual({ 'messaging.message.id': expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(attributes['messaging.message.id']).toBeUndefined();
  }
});

test('a trace that is none is passed on, and linked to nothing', async () => {
  await commit(event('k', 0, { traceparent: 'nonsense' }), event('k', 1, { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00` }));
  await ended('send t');
  expect(sdk.spans().flatMap(({ links }) => links)).toEqual([]);
  const rows = await log.rows<{ text: string }>("select headers->>'traceparent' as text from millrace.outbox order by id desc limit 2");
  expect(rows[1]!.text).toBe('nonsense');
});

test('without create spans events carry the active one', async () => {
  const transaction = await begin(log);
  const context = await tracer().startActiveSpan('request', async (span) => {
    await enqueue(transaction.client, [event('k')], { createSpans: false });
    span.end();
    return span.spanContext();
  });
  await enqueue(transaction.client, [event('k', 1)], { createSpans: false });
  await transaction.commit();
  const rows = await log.rows<{ headers: unknown }>('select headers from millrace.outbox order by id desc limit 2');
  expect(rows.map(({ headers }) => headers)).toEqual([null, { traceparent: `00-${context.traceId}-${context.spanId}-01` }]);
  expect(sdk.spans().some(({ name }) => name.startsWith('create'))).toBe(false);
});

test('what fails says so: the events that are refused, the batch that a broker does not take, the handler', async () => {
  const spans = (name: string) => sdk.spans().filter((span) => span.name === name);
  const error = (type: string) => ({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': type } });
  const failing = (more: Partial<NewEvent> = {}) => event('k', 0, { topic: 'failing', ...more });
  const client = await log.open();
  await expect(enqueue(client, [failing()])).rejects.toThrow(); // refused before anything is made
  await client.query('begin');
  await expect(enqueue(client, [failing(), failing({ type: '' })])).rejects.toThrow();
  await client.query('rollback');
  expect(spans('create failing')).toMatchObject([error('EVENT_INVALID'), error('EVENT_INVALID')]);

  const failure = new MillraceError('PUBLISH_FAILED', 'the broker has no room');
  const half: Transport['publish'] = async (_, events) =>
    events.map((_event, i) => (i > 0 ? { status: 'failed', retriable: true, error: failure } : { status: 'published', position: '1' }));
  const events = [1, 2, 3].map((n): MillraceEvent => ({ id: `${n}`, source: '/s', type: 'x', time: '2026-11-21T06:00:00Z' }));
  await send({ ...transport, publish: half }, 'failing', events, {});
  expect(sdk.span('send failing')).toMatchObject({ ...error('PUBLISH_FAILED'), status: { message: 'the broker has no room' } });
  await expect(send({ ...transport, publish: () => Promise.reject(new TypeError('oops')) }, 'failing', events, {})).rejects.toThrow('oops');
  expect(spans('send failing')[1]).toMatchObject(error('TypeError'));

  let attempts = 0;
  await using _ = await transport.subscribe('failing', { group: 'g' }, async () => {
    if (++attempts === 1) throw new RangeError('not now');
  });
  await commit(failing());
  await eventually(() => spans('process failing').length === 2, { what: 'it is tried again' });
  const [first, second] = spans('process failing');
  expect(first).toMatchObject({ ...error('RangeError'), status: { message: 'not now' } });
  expect(second!.attributes['error.type']).toBeUndefined();
  expect(second!.links[0]!.context).toMatchObject(named(first!.links[0]!.context));
});

test('metrics have the names, units, buckets and attributes of the conventions', async () => {
  const all = await sdk.series();
  const of = (name: string, topic: string) =>
    all.filter((series) => series.name === name && series.attributes['messaging.destination.name'] === topic);
  const sends = messaging('send', 'redis', 'failing');
  const processes = messaging('process', 'redis', 'failing', { 'messaging.consumer.group.name': 'g' });
  expect(of('messaging.client.sent.messages', 'failing')).toEqual([
    { name: 'messaging.client.sent.messages', unit: '{message}', attributes: sends, value: 2, boundaries: undefined },
    expect.objectContaining({ attributes: { ...sends, 'error.type': 'PUBLISH_FAILED' }, value: 2 }),
  ]);
  expect(of('messaging.client.consumed.messages', 'failing')).toEqual([
    expect.objectContaining({ unit: '{message}', attributes: { ...processes, 'error.type': 'RangeError' }, value: 1 }),
    expect.objectContaining({ attributes: processes, value: 1 }),
  ]);
  const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
  expect(of('messaging.client.operation.duration', 'batches')).toMatchObject([{ unit: 's', value: 1, boundaries }]);
  expect(of('messaging.process.duration', 'failing')).toMatchObject([{ unit: 's', value: 1, boundaries }, { value: 1 }]);
  expect(of('messaging.client.sent.messages', 'batches')).toMatchObject([{ value: 200 }]);
  expect(of('messaging.client.consumed.messages', 'batches').map(({ value }) => value)).toEqual([200]);
});

test('without an SDK nothing breaks, and a service that only enqueues does not even load the API', async () => {
  const own = await openLog(postgres);
  const child = startClientProcess(join(__dirname, 'telemetry-child.mts'), {
    url: own.url,
    service: serviceOf(redis).service,
    secret: redis.password,
  });
  await child.until(() => child.lines.length === 4, 'all it has to say', 55_000);
  expect(child.lines.map(({ verb, rest }) => `${verb} ${rest}`)).toEqual([
    'observed false',
    'loaded false',
    'handled none',
    'observed true',
  ]);
  expect(await child.ended).toBe(0);
  await own.close();
});

test('an SDK that has left is not asked any more', async () => {
  expect(isObserved()).toBe(true);
  await sdk.stop();
  sdk.forget();
  expect(isObserved()).toBe(false);
  await commit(event('k', 5));
  expect(await log.rows('select headers from millrace.outbox order by id desc limit 1')).toEqual([{ headers: null }]);
  expect(sdk.spans()).toEqual([]);
});
