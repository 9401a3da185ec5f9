import type { MessageProperties } from 'amqplib';
import { CloudEvent } from 'cloudevents';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { parcelOf, readEvent } from '../../../runtime/src/transports/rabbitmq/codec.ts';

const full: MillraceEvent = {
  ...{ id: 'e-1', source: '/orders', type: 'order.created', subject: '4711', time: '2026-11-21T06:00:00.123Z' },
  ...{ datacontenttype: 'application/json', dataschema: 'https://x/1', tenantid: 'acme', actorid: 'u1', partitionkey: 'k' },
  ...{
    sequence: '9007199254740993',
    traceparent: '00-a-b-01',
    tracestate: 'v=1',
    extensions: { region: 'eu' },
    data: Buffer.from('{"a":1}'),
  },
};

const received = (content: string | Buffer, properties: Partial<MessageProperties>) => ({
  content: Buffer.from(content),
  properties: properties as MessageProperties,
});
const required = { 'cloudEvents:id': 'x', 'cloudEvents:source': '/s', 'cloudEvents:type': 't' };

test('everything an event has goes and comes back', () => {
  const { content, options } = parcelOf(full);
  expect(readEvent(received(content, options))).toEqual(full);
});

test('what an event does not have is not there: no data, no content type', () => {
  const { content, options } = parcelOf({ id: 'e', source: '/s', type: 't', time: full.time });
  expect([content.length, Object.keys(options.headers).length, 'contentType' in options]).toEqual([0, 5, false]);
  expect(readEvent(received(content, options))).toEqual({ id: 'e', source: '/s', type: 't', time: full.time });
});

test('values that others send as numbers, booleans, bytes and times are text', () => {
  const time = { '!': 'timestamp', value: 1_700_000_000 };
  const more = { 'cloudEvents:n': 7, 'cloudEvents:b': true, 'cloudEvents:bytes': Buffer.from('ä'), 'cloudEvents:time': time, other: 'no' };
  expect(readEvent(received('', { headers: { ...required, ...more } }))).toEqual({
    ...{ id: 'x', source: '/s', type: 't', time: '2023-11-14T22:13:20.000Z', extensions: { n: '7', b: 'true', bytes: 'ä' } },
  });
});

test('without a time the timestamp of the message stands in', () => {
  expect(readEvent(received('', { headers: required, timestamp: 1_700_000_000 }))).toMatchObject({ time: '2023-11-14T22:13:20.000Z' });
});

test('what the CloudEvents SDK writes as JSON is read, with its data as text or bytes', () => {
  const contentType = 'application/cloudevents+json; charset=utf-8';
  const event = new CloudEvent({ id: 'c-1', source: '/c', type: 'c', data: { a: 1 }, region: 'eu' });
  const read = readEvent(received(JSON.stringify(event.toJSON()), { contentType }));
  expect(read).toMatchObject({ id: 'c-1', source: '/c', type: 'c', datacontenttype: 'application/json', extensions: { region: 'eu' } });
  expect((read as MillraceEvent).data?.toString()).toBe('{"a":1}');
  const bytes = { ...event.toJSON(), data: undefined, data_base64: Buffer.from([1, 2]).toString('base64') };
  expect((readEvent(received(JSON.stringify(bytes), { contentType })) as MillraceEvent).data).toEqual(Buffer.from([1, 2]));
});

test('the CloudEvents SDK takes what is written here', () => {
  const { content, options } = parcelOf(full);
  const attributes = Object.fromEntries(Object.entries(options.headers).map(([name, value]) => [name.replace('cloudEvents:', ''), value]));
  const event = new CloudEvent({ ...attributes, datacontenttype: options.contentType, data: JSON.parse(content.toString()) } as object);
  expect(event.validate()).toBe(true);
  expect(event).toMatchObject({ id: 'e-1', subject: '4711', partitionkey: 'k', region: 'eu', data: { a: 1 } });
});

test.each([
  ['has no source and no type', '', { headers: { 'cloudEvents:id': 'x' } }, 'source is missing; type is missing'],
  ['has an empty id', '', { headers: { ...required, 'cloudEvents:id': '' } }, 'id is missing'],
  ['is of another version', '', { headers: { ...required, 'cloudEvents:specversion': '0.3' } }, 'specversion must be 1.0, got 0.3'],
  ['says it is JSON and is not', 'no', { contentType: 'application/cloudevents+json' }, 'must be a JSON object'],
  ['is a list of JSON', '[]', { contentType: 'application/cloudevents+json' }, 'must be a JSON object'],
])('a message that %s is no event', (_, content, properties, words) => {
  expect(readEvent(received(content, properties))).toMatchObject({ code: 'EVENT_INVALID', message: expect.stringContaining(words) });
});
