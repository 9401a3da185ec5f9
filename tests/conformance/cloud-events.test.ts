import { CloudEvent, type CloudEventV1 } from 'cloudevents';
import { attributeNames, jsonData, type MillraceEvent } from '../../runtime/src/contracts/event.ts';
import type { Topology } from '../../runtime/src/contracts/topology.ts';
import type { Delivery, Transport } from '../../runtime/src/transport.ts';
import { eventually } from '../support/eventually.ts';
import { startTestKafka, startTestRabbit, startTestRedis } from '../support/servers.ts';
import { kafkaDriver, rabbitDriver } from './brokers.ts';
import { deadLetters } from './checks/dead-letters.ts';
import { fullEvent } from './checks/payloads.ts';
import type { TestedDriver } from './driver.ts';
import { group, topologyOf } from './ground.ts';
import { publishAll } from './recorder.ts';
import { redisDriver } from './redis-driver.ts';
import { amqpPrefixes, kafkaWire, rabbitWire, redisWire, type Wire } from './wires.ts';

/** A broker with a topic each way. */
interface Place {
  readonly driver: TestedDriver;
  readonly topology: Topology;
  openWire(topic: string): Promise<Wire>;
  stop(): Promise<void>;
}

const starts = {
  'redis-streams': async () => {
    const redis = await startTestRedis();
    return { driver: redisDriver(redis, 20_000), openWire: (topic: string) => redisWire(redis, topic), stop: () => redis.stop() };
  },
  kafka: async () => {
    const kafka = await startTestKafka();
    return { driver: kafkaDriver(kafka, 20_000), openWire: (topic: string) => kafkaWire(kafka, topic), stop: () => kafka.stop() };
  },
  rabbitmq: async () => {
    const rabbit = await startTestRabbit();
    return { driver: rabbitDriver(rabbit, 20_000), openWire: (topic: string) => rabbitWire(rabbit, topic), stop: () => rabbit.stop() };
  },
};

const foreign = new CloudEvent<unknown>({
  id: 'A234-1234-1234',
  source: 'https://github.com/cloudevents/spec/pull?a=b',
  type: 'com.github.pull_request.opened',
  subject: 'pull 123 by Zoë',
  time: '2026-11-21T06:00:00.123Z',
  datacontenttype: 'application/json',
  dataschema: 'https://schemas.example.com/pull.json',
  partitionkey: 'pull-123',
  tenantid: 'acme',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  region: 'eu',
  attempts: 42,
  urgent: true,
  data: { title: 'Größe', labels: ['a', 'b'] },
});
const foreignBytes = new CloudEvent<unknown>({
  ...{ id: 'bytes', source: '/sensors/7', type: 'com.example.sample', datacontenttype: 'application/octet-stream' },
  data: new Uint8Array([0, 1, 127, 128, 254, 255]),
});
const ours: MillraceEvent = { ...fullEvent, subject: 'Grüße "an" alle, 漢字 & 🎈' };
const oursWithoutData: MillraceEvent = { id: 'bare', source: '/s', type: 't', time: '2026-11-21T06:00:01.000Z' };

/** What a consumer of ours must make of an event of the SDK's. */
function expectIntact(event: MillraceEvent, sent: CloudEventV1<unknown>): void {
  const { data, data_base64: _, specversion: __, ...attributes } = sent;
  const own: ReadonlySet<string> = new Set(attributeNames);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    const got = own.has(name) ? event[name as 'id'] : event.extensions?.[name];
    expect([name, got]).toEqual([name, String(value)]);
  }
  if (data instanceof Uint8Array) expect(Buffer.from(event.data!)).toEqual(Buffer.from(data));
  else expect(jsonData(event)).toEqual(data);
}

describe.each(Object.entries(starts))('%s', (kind, start) => {
  let place: Place;
  let transport: Transport;
  const wires: Wire[] = [];

  beforeAll(async () => {
    const started = await start();
    const names = ['out', ...stylesOf(kind), 'other'].map(topicOf);
    const topology = topologyOf(started.driver, Object.fromEntries(names.map((name) => [name, {}])));
    place = { ...started, topology };
    await place.driver.provision(topology);
    transport = await place.driver.open(topology, {});
  }, 120_000);
  afterAll(async () => {
    await Promise.all(wires.map((wire) => wire.close()));
    await transport?.close();
    await place?.stop();
  }, 30_000);

  const wireOf = async (topic: string): Promise<Wire> => {
    const wire = await place.openWire(topic);
    wires.push(wire);
    return wire;
  };

  test('an event written here is read by the SDK with all attributes, extensions and data', async () => {
    const wire = await wireOf(topicOf('out'));
    await publishAll(transport, topicOf('out'), [ours, oursWithoutData]);
    const read = await wire.next();
    const { data, extensions, ...attributes } = ours;
    expect(read).toMatchObject({ specversion: '1.0', ...attributes, ...extensions, data: jsonData({ ...ours, data: data! }) });
    expect(await wire.next()).toMatchObject({ id: 'bare', source: '/s', type: 't', time: '2026-11-21T06:00:01.000Z' });
  });

  test.each(stylesOf(kind))('an event written by the SDK (%s) is received here with all attributes, extensions and data', async (style) => {
    const wire = await wireOf(topicOf(style));
    const got: Delivery[] = [];
    await transport.subscribe(topicOf(style), { group }, async (_, delivery) => void got.push(delivery));
    await wire.write(foreign, style);
    await wire.write(foreignBytes, style);
    await eventually(() => got.length === 2, { what: 'both events were received', timeoutMs: 20_000 });
    for (const sent of [foreign, foreignBytes]) expectIntact(got.find(({ event }) => event.id === sent.id)!.event, sent);
  });

  // A stream entry has no content type that could say so.
  if (kind !== 'redis-streams') {
    test('an event in structured mode is received here, or set aside with a sentence that says what it is, while others go on', async () => {
      const wire = await wireOf(topicOf('other'));
      const got: Delivery[] = [];
      await transport.subscribe(topicOf('other'), { group }, async (_, delivery) => void got.push(delivery));
      await wire.write(foreign, 'structured');
      await wire.write({ ...foreign, id: 'binary' }, stylesOf(kind)[0]!);
      const received = (id: string) => got.find(({ event }) => event.id === id)?.event;
      await eventually(() => received('binary'), { what: 'the other event was received', timeoutMs: 20_000 });
      const whole = received(foreign.id);
      if (whole !== undefined) expectIntact(whole, foreign);
      else {
        const [letter] = await deadLetters(transport, topicOf('other'), group);
        expect([letter?.event, letter?.failures.at(-1)?.message]).toEqual([undefined, expect.stringContaining('structured')]);
      }
    });
  }
});

function stylesOf(kind: string): string[] {
  return kind === 'rabbitmq' ? amqpPrefixes : ['binary'];
}

function topicOf(style: string): string {
  return `events.${style.replace(':', '-colon')}`;
}
