import { randomBytes } from 'node:crypto';
import { attributeNames, type MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { type Check, must, mustEqual } from '../check.ts';
import { eventsOf } from '../events.ts';
import { publishAll, recorder } from '../recorder.ts';

/** Every attribute, with values that an encoding may stumble over. */
export const fullEvent: MillraceEvent = {
  id: '019c3f5e-7a00-7000-8000-00000000000f',
  source: '/services/orders?a=b&c=%20d',
  type: 'com.example.order.created',
  subject: 'Grüße "an" alle, 漢字 & 🎈; a=b\tc',
  time: '2026-11-21T06:00:00.123Z',
  datacontenttype: 'application/json; charset=utf-8',
  dataschema: 'https://schemas.example.com/order.json#v1',
  tenantid: 'acme',
  actorid: 'user:42@example.com',
  partitionkey: 'order:47 11/ä',
  sequence: '9007199254740993',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=a,other=b',
  extensions: { region: 'eu', number1: '0042', umlaut: 'ä€😀 %41', true1: 'true' },
  data: Buffer.from('{"id":4711,"name":"Grüße"}'),
};
const bareEvent: MillraceEvent = { id: 'bare', source: '/s', type: 't', time: '2026-11-21T06:00:01.000Z' };

/** @throws {Error} unless `event` has what `sent` has, and no more. */
export function mustBeWhole(event: MillraceEvent, sent: MillraceEvent): void {
  for (const name of attributeNames) mustEqual([event[name] ?? null], [sent[name] ?? null], `attribute ${name} of event ${sent.id}`);
  const sorted = (extensions = {}) => Object.entries(extensions).sort();
  mustEqual(sorted(event.extensions), sorted(sent.extensions), `the extensions of event ${sent.id}`);
  mustEqual([Buffer.from(event.data ?? []).toString()], [Buffer.from(sent.data ?? []).toString()], `the data of event ${sent.id}`);
}

const roundTrip: Check = {
  name: 'attributes',
  title: 'attributes, extensions, key and data arrive as they were sent, and none that was not',
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    await publishAll(transport, ground.topic(), [fullEvent, bareEvent]);
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await got.has(ground, [fullEvent, bareEvent]);
    for (const sent of [fullEvent, bareEvent]) {
      const { event } = got.deliveries.find(({ event: { id } }) => id === sent.id)!;
      mustBeWhole(event, sent);
    }
  },
};

const maxBytes = 1_048_576;

const payloads: Check = {
  name: 'payloads',
  title: 'data arrives byte for byte: all byte values, none at all, and as many as the topic allows',
  topics: { events: { maxBytes } },
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const [every, none, empty, large] = eventsOf(4);
    const events = [
      { ...every!, data: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) },
      { ...none!, data: new Uint8Array(0) },
      { id: empty!.id, source: '/s', type: 't', time: empty!.time, partitionkey: 'key-0' },
      { ...large!, data: randomBytes(maxBytes) },
    ];
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await publishAll(transport, ground.topic(), events);
    await got.has(ground, events);
    for (const sent of events) {
      const arrived = Buffer.from(got.deliveries.find(({ event }) => event.id === sent.id)!.event.data ?? []);
      const wanted = Buffer.from(('data' in sent ? sent.data : undefined) ?? []);
      must(arrived.equals(wanted), `event ${sent.id} must arrive with its ${wanted.length} bytes, got ${arrived.length} or others`);
    }
  },
};

export const payloadChecks: readonly Check[] = [roundTrip, payloads];
