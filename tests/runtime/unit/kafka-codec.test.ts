import { gzipSync } from 'node:zlib';
import type { Writer } from '../../../runtime/src/connections/kafka/wire.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { ownHeaders, readMessage, writeEvent, writePlain } from '../../../runtime/src/transports/kafka/codec.ts';
import { batchWriter } from '../../../runtime/src/transports/kafka/protocol/batch.ts';
import { crc32c } from '../../../runtime/src/transports/kafka/protocol/crc32c.ts';
import { RawRecord, unpackRecords } from '../../../runtime/src/transports/kafka/protocol/records.ts';

const everything: MillraceEvent = {
  id: 'e-1',
  source: '/services/orders',
  type: 'com.example.order.created',
  subject: 'größe/✓',
  time: '2026-11-21T06:00:00.000Z',
  datacontenttype: 'application/json',
  dataschema: 'https://example.com/schema',
  tenantid: 'acme',
  actorid: 'user-1',
  partitionkey: 'schlüssel',
  sequence: '42',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'a=b',
  extensions: { colour: 'blue', depth: '3' },
  data: Buffer.from([0, 255, 10, 13]),
};
const bare: MillraceEvent = { id: 'b', source: '/s', type: 't', time: '2026-11-21T06:00:00.000Z' };

const at = 1_795_000_000_000;
function batchOf(...writes: ((to: Writer) => void)[]): Buffer {
  const writer = batchWriter(at, 16);
  for (const write of writes) writer.add(write);
  return writer.finish();
}
const unpack = (records: Buffer, from = 0) => unpackRecords({ records, aborted: [] }, from);

/** The batch as another producer would have written it: from `offset` on, its attributes changed. */
function changed(batch: Buffer, offset: number, attributes = 0, producerId = -1): Buffer {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(offset), 0);
  copy.writeInt16BE(attributes, 21);
  copy.writeBigInt64BE(BigInt(producerId), 43);
  return copy;
}

test('an event comes back as it was written, whatever it has', async () => {
  const { records, next } = await unpack(batchOf(...[everything, bare].map((event) => (to: Writer) => writeEvent(to, event))));
  expect(records.map((record) => readMessage(record).event)).toEqual([everything, bare]);
  expect(records.map((record) => [record.offset, record.timestamp, record.key()?.toString(), record.value()?.length])).toEqual([
    [0, at, 'schlüssel', 4],
    [1, at, undefined, 0],
  ]);
  expect(next).toBe(2);
});

test('more headers than fit into one byte, and records of every length of their length, are read', async () => {
  const extensions = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x${i}`, String(i)]));
  const events = [0, 1, 40, 8_000, 9_000, 1_100_000].map((length, i) => ({ ...bare, id: `e${i}`, data: Buffer.alloc(length, 1) }));
  const { records } = await unpack(batchOf(...[{ ...bare, extensions }, ...events].map((event) => (to: Writer) => writeEvent(to, event))));
  const read = records.map((record) => readMessage(record).event as MillraceEvent);
  expect(read[0]).toEqual({ ...bare, extensions });
  expect(read.slice(1).map(({ id, data }) => [id, data?.byteLength ?? 0])).toEqual(events.map(({ id, data }) => [id, data.length]));
});

test('a message of another producer is an event with its time and key; what has no place is an extension, what is none is told', async () => {
  const foreign = (headers: Record<string, string>) => (to: Writer) =>
    writePlain(
      to,
      'k',
      Buffer.from('v'),
      {},
      Object.entries(headers).map(([name, value]) => ({ name, value: Buffer.from(value) })),
    );
  const { records } = await unpack(
    batchOf(
      foreign({
        ce_id: '1',
        ce_source: '/s',
        ce_type: 't',
        ce_colour: 'blue',
        'ce_Not-One': 'x',
        other: 'y',
        'content-type': 'text/plain',
      }),
      foreign({ ce_id: '1', ce_type: 't' }),
      foreign({ ce_specversion: '2.0', ce_id: '1', ce_source: '/s', ce_type: 't' }),
    ),
  );
  const [event, ...others] = records.map((record) => readMessage(record).event);
  expect(event).toEqual({
    ...{ id: '1', source: '/s', type: 't', time: new Date(at).toISOString(), partitionkey: 'k', datacontenttype: 'text/plain' },
    ...{ extensions: { colour: 'blue' }, data: Buffer.from('v') },
  });
  expect(others.map((error) => isMillraceError(error, 'EVENT_INVALID') && error.message)).toEqual([
    'message is no event: source is missing',
    'message is no event: specversion must be 1.0, got 2.0',
  ]);
});

test.each([[1_763_700_000_000_000_000], [-9e15], [1_763_700_000_000_000]])(
  'a message without a time and with the timestamp %d is no event; with a time of its own it is one',
  async (timestamp) => {
    const headers = ['id', 'source', 'type'].map((name) => ({ name: `ce_${name}`, value: Buffer.from('x') }));
    const time = { name: 'ce_time', value: Buffer.from(bare.time!) };
    const writer = batchWriter(timestamp);
    for (const all of [headers, [...headers, time]]) writer.add((to) => writePlain(to, 'k', Buffer.from('v'), {}, all));
    const [odd, good] = (await unpack(writer.finish())).records.map((record) => readMessage(record).event);
    expect(isMillraceError(odd, 'EVENT_INVALID') && odd.message).toContain('time is missing');
    expect(good).toMatchObject({ id: 'x', time: bare.time });
  },
);

test('a message that cannot be read is no event', () => {
  const record = new RawRecord(0, at, Buffer.from([1]), 0);
  record.headers = () => {
    throw new RangeError('out of range');
  };
  expect(readMessage(record).event).toMatchObject({ code: 'EVENT_INVALID', message: expect.stringContaining('out of range') });
});

test('headers of our own are no part of the event', async () => {
  const { records } = await unpack(
    batchOf(
      (to) => writeEvent(to, bare, { group: 'emails' }, 'other-key'),
      (to) => writePlain(to, '0-1', undefined, { ending: 'drop' }),
    ),
  );
  expect(readMessage(records[0]!, false)).toEqual({ event: bare, addressee: 'emails' });
  expect([...ownHeaders(records[1]!)]).toEqual([['ending', 'drop']]);
  expect([records[0]!.key()?.toString(), records[1]!.value()]).toEqual(['other-key', undefined]);
});

test('records before the one that was asked for, and a batch that is cut off, are passed over', async () => {
  const batch = batchOf(...[1, 2, 3].map((n) => (to: Writer) => writeEvent(to, { ...bare, id: `e${n}` })));
  const both = Buffer.concat([changed(batch, 100), changed(batch, 103).subarray(0, -1)]);
  const { records, next } = await unpack(both, 101);
  expect(records.map(({ offset }) => offset)).toEqual([101, 102]);
  expect(next).toBe(103);
  expect(await unpack(both.subarray(0, 60))).toEqual({ records: [], next: undefined });
});

test('what an aborted transaction wrote is passed over, and its marker as well', async () => {
  const batch = batchOf((to) => writeEvent(to, bare));
  const marker = batchOf((to) =>
    to
      .varint(4)
      .raw(Buffer.from([0, 0, 0, 0]))
      .varint(-1)
      .varint(0),
  );
  const [transactional, control] = [0x10, 0x30];
  const log = [
    changed(batch, 0, transactional, 7),
    changed(batch, 1, transactional, 8),
    changed(marker, 2, control, 7),
    changed(batch, 3, transactional, 7),
  ];
  const { records, next } = await unpackRecords({ records: Buffer.concat(log), aborted: [{ producerId: 7, firstOffset: 0 }] }, 0);
  expect(records.map(({ offset }) => offset)).toEqual([1, 3]);
  expect(next).toBe(4);
});

test('a batch that was compressed with gzip is read, one of a format before 0.11 is refused', async () => {
  const batch = batchOf((to) => writeEvent(to, everything));
  const packed = Buffer.concat([changed(batch, 5, 1).subarray(0, 61), gzipSync(batch.subarray(61))]);
  packed.writeInt32BE(packed.length - 12, 8);
  expect((await unpack(packed)).records.map((record) => readMessage(record).event)).toEqual([everything]);
  const old = Buffer.from(batch);
  old[16] = 1;
  await expect(unpack(old)).rejects.toMatchObject({ code: 'EVENT_INVALID' });
});

test('the checksum is that of Castagnoli', () => {
  expect(crc32c(Buffer.from('123456789'), 0).toString(16)).toBe('e3069283');
  expect(crc32c(Buffer.alloc(32), 0).toString(16)).toBe('8a9136aa');
});
