import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { attributeNames, type MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import {
  type FieldName,
  fieldNames,
  fieldsOf,
  fieldsUsed,
  packEvent,
  unpackEvent,
} from '../../../runtime/src/transports/redis-streams/codec.ts';
import { createPacker, createUnpacker } from '../../../runtime/src/transports/redis-streams/msgpack.ts';

const position = '1763700000123-4';
const plain: MillraceEvent = { id: 'e-1', source: '/services/orders', type: 'com.example.order.created', time: '2026-11-21T06:00:00.000Z' };
const full: MillraceEvent = {
  ...plain,
  subject: 'order/1',
  datacontenttype: 'application/octet-stream',
  dataschema: 'https://example.com/schema',
  tenantid: 'acme',
  actorid: 'user-7',
  partitionkey: 'Größe-日本語-🚚',
  sequence: '9223372036854775807',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  extensions: { region: 'eu', quote: '"\\' },
  data: Uint8Array.from({ length: 512 }, (_, i) => i % 256),
};

/** As it comes back from the server: names and values side by side. */
function onTheWire(pairs: readonly (readonly [string, string | Uint8Array])[]): MillraceEvent | Error {
  const packer = createPacker(16);
  packer.array(pairs.length * 2);
  for (const [name, value] of pairs) {
    packer.text(name);
    if (typeof value === 'string') packer.text(value);
    else packer.bytes(value);
  }
  return unpackEvent(createUnpacker(packer.take()), position);
}

function roundTrip(event: MillraceEvent, fields: readonly FieldName[]): MillraceEvent | Error {
  const packer = createPacker(16);
  packer.array(fields.length);
  packEvent(event, fields, packer);
  const values = createUnpacker(packer.take());
  values.array();
  return onTheWire(fields.map((field) => [field, values.bytes()]));
}

test('an event with everything set comes back as it was, bytes and text beyond ASCII included', () => {
  const back = roundTrip(full, fieldNames) as MillraceEvent;
  expect({ ...back, data: Uint8Array.from(back.data!) }).toEqual(full);
});

test('an event with the least comes back without any further attribute, written with all fields or with its own', () => {
  expect(roundTrip(plain, fieldNames)).toEqual(plain);
  expect(roundTrip(plain, fieldsOf(fieldsUsed([plain], 0)))).toEqual(plain);
});

test('fields are named as CloudEvents names the attributes', () => {
  expect(fieldNames.slice(0, attributeNames.length)).toEqual(attributeNames);
  for (const name of fieldNames) expect(name).toMatch(/^[a-z]+$/);
});

test('the layout holds what any of the events needs, and what was needed before', () => {
  const bits = fieldsUsed([plain, { ...plain, subject: 's' }], 0);
  expect(fieldsOf(bits)).toEqual(['id', 'source', 'type', 'subject', 'time']);
  expect(fieldsOf(fieldsUsed([{ ...plain, data: new Uint8Array(1) }], bits))).toEqual(['id', 'source', 'type', 'subject', 'time', 'data']);
});

test('fields of other producers become extensions, and a missing time is the time of the entry', () => {
  const event = onTheWire([
    ['specversion', '1.0'],
    ['id', 'x'],
    ['source', '/legacy'],
    ['type', 't'],
    ['region', 'eu'],
    ['Not-An-Extension', '1'],
  ]);
  expect(event).toEqual({ id: 'x', source: '/legacy', type: 't', time: '2025-11-21T04:40:00.123Z', extensions: { region: 'eu' } });
});

test.each([
  [
    'lacks its type',
    [
      ['id', 'x'],
      ['source', '/s'],
    ],
    'type is missing',
  ],
  [
    'is of another version',
    [
      ['specversion', '0.3'],
      ['id', 'x'],
      ['source', '/s'],
      ['type', 't'],
    ],
    'specversion must be 1.0, got 0.3',
  ],
  [
    'has extensions that are no JSON',
    [
      ['id', 'x'],
      ['source', '/s'],
      ['type', 't'],
      ['extensions', '{'],
    ],
    'extensions must be a JSON object of strings',
  ],
  [
    'has extensions that are no texts',
    [
      ['id', 'x'],
      ['source', '/s'],
      ['type', 't'],
      ['extensions', '{"a":1}'],
    ],
    'extensions must be a JSON object of strings',
  ],
] as const)('fails if an entry %s', (_, pairs, problem) => {
  const error = onTheWire(pairs);
  expect(isMillraceError(error, 'EVENT_INVALID') && error.message).toContain(problem);
});

test('strings of every length that changes the encoding survive', () => {
  const lengths = [0, 1, 10, 11, 31, 32, 255, 256, 65_535, 65_536, 200_000];
  const packer = createPacker(8);
  packer.array(lengths.length);
  for (const length of lengths) packer.text('é'.repeat(length));
  const unpacker = createUnpacker(packer.take());
  expect(unpacker.array()).toBe(lengths.length);
  for (const length of lengths) expect(unpacker.text()).toBe('é'.repeat(length));
});

test('fails if a packed value is of another kind than asked for', () => {
  const packer = createPacker(8);
  packer.text('a');
  expect(() => createUnpacker(packer.take()).array()).toThrow(RangeError);
  packer.array(1);
  expect(() => createUnpacker(packer.take()).text()).toThrow(RangeError);
});
