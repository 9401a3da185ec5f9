import { CloudEvent, type CloudEventV1, Kafka, type KafkaMessage } from 'cloudevents';
import { connectKafka } from '../../runtime/src/connections/kafka/index.ts';
import { connectRabbit } from '../../runtime/src/connections/rabbitmq/index.ts';
import { streamKey } from '../../runtime/src/contracts/topology.ts';
import { plainClient } from '../runtime/integration/redis-streams-fixture.ts';
import { eventually } from '../support/eventually.ts';
import type { TestKafka, TestRabbit, TestRedis } from '../support/servers.ts';

type AnyEvent = CloudEventV1<unknown>;
type Bytes = Uint8Array;

/** A topic as programs see it that know CloudEvents and not Millrace. */
export interface Wire {
  /** The next event on it, as the SDK reads it, strictly validated; its data as the SDK gives it. */
  next(): Promise<AnyEvent>;
  /** @param style one of the ways in which the binding lets an event be written. */
  write(event: AnyEvent, style: string): Promise<void>;
  close(): Promise<void>;
}

const attributesOf = (event: AnyEvent): [string, string][] => {
  const { data: _, data_base64: __, ...attributes } = event;
  return Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
};

/** Data as a producer puts it on a wire: bytes as they are, all else as JSON. */
const bytesOf = ({ data }: AnyEvent): Buffer => (data instanceof Uint8Array ? Buffer.from(data) : Buffer.from(JSON.stringify(data)));

/** What a reader without a binding does: it takes the content type's word. */
const dataOf = (contentType: unknown, bytes: Bytes): unknown =>
  String(contentType).startsWith('application/json') ? JSON.parse(Buffer.from(bytes).toString()) : bytes;

export async function kafkaWire(kafka: TestKafka, topic: string): Promise<Wire> {
  const connection = await connectKafka(kafka.handle());
  const producer = await connection.producer();
  const read: KafkaMessage<Buffer>[] = [];
  await connection.consumer({
    groupId: `${topic}-foreign`,
    topics: [topic],
    eachBatch: async ({ batch }) => {
      for (const { key, value, headers = {} } of batch.messages) {
        const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
        read.push({
          key: key === null ? undefined : String(key),
          value: value!,
          headers: Object.fromEntries(texts),
        } as KafkaMessage<Buffer>);
      }
    },
  });
  return {
    async next() {
      const message = await eventually(() => read.shift(), { what: 'the foreign consumer has a message', timeoutMs: 20_000 });
      const event = Kafka.toEvent<unknown>(message) as CloudEvent<unknown>;
      event.validate();
      return event;
    },
    async write(event, style) {
      const { key, value, headers } = style === 'structured' ? Kafka.structured(event) : Kafka.binary(event);
      const texts = Object.entries(headers).flatMap(([name, text]) => (text === undefined ? [] : [[name, String(text)]]));
      const body = style === 'structured' ? (value as string) : bytesOf(event);
      await producer.send([{ topic, messages: [{ key: key as string, value: body, headers: Object.fromEntries(texts) }] }]);
    },
    close: () => connection.close(),
  };
}

/** The AMQP binding lets the prefix of attributes end in either. */
export const amqpPrefixes = ['cloudEvents:', 'cloudEvents_'];

export async function rabbitWire(rabbit: TestRabbit, topic: string): Promise<Wire> {
  const connection = await connectRabbit(rabbit.handle());
  const channel = await connection.openChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, topic, '#');
  return {
    async next() {
      const message = await eventually(async () => (await channel.get(queue, { noAck: true })) || undefined, {
        what: 'the foreign queue has a message',
      });
      const { headers = {}, contentType } = message.properties;
      const attributes = Object.entries(headers).flatMap(([name, value]) => {
        const prefix = amqpPrefixes.find((each) => name.startsWith(each));
        return prefix === undefined ? [] : [[name.slice(prefix.length), String(value)]];
      });
      const given = { ...Object.fromEntries(attributes), ...(contentType !== undefined && { datacontenttype: contentType }) };
      return new CloudEvent({ ...given, data: dataOf(contentType, message.content) } as Partial<AnyEvent>, true);
    },
    async write(event, style) {
      const routingKey = `0.${String(event.tenantid ?? '-')}`;
      if (style === 'structured') {
        channel.publish(topic, routingKey, Buffer.from(JSON.stringify(event)), {
          contentType: 'application/cloudevents+json',
          persistent: true,
        });
        return;
      }
      const headers = attributesOf(event).flatMap(([name, value]) => (name === 'datacontenttype' ? [] : [[style + name, value]]));
      const { datacontenttype: contentType } = event;
      channel.publish(topic, routingKey, bytesOf(event), {
        ...{ headers: Object.fromEntries(headers), persistent: true },
        ...(contentType !== undefined && { contentType }),
      });
    },
    close: () => connection.close(),
  };
}

export async function redisWire(redis: TestRedis, topic: string): Promise<Wire> {
  const client = await plainClient(redis);
  const stream = streamKey(topic, 0);
  let after = '-';
  return {
    async next() {
      const [id, flat] = await eventually(
        async () => ((await client.xrangeBuffer(stream, after, '+', 'COUNT', 1)) as unknown as [Buffer, Buffer[]][])[0],
        { what: 'the stream has another entry' },
      );
      after = `(${String(id)}`;
      const fields = new Map(Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]!]));
      const data = fields.get('data');
      const extensions = JSON.parse(String(fields.get('extensions') ?? '') || '{}') as object;
      const texts = [...fields].flatMap(([name, value]) =>
        ['data', 'extensions'].includes(name) || value.length === 0 ? [] : [[name, String(value)]],
      );
      const attributes = { ...Object.fromEntries(texts), ...extensions } as Partial<AnyEvent>;
      return new CloudEvent({ ...attributes, ...(data !== undefined && { data: dataOf(attributes.datacontenttype, data) }) }, true);
    },
    async write(event) {
      await client.xadd(stream, '*', ...attributesOf(event).flat(), 'data', bytesOf(event));
    },
    close: async () => client.disconnect(),
  };
}
