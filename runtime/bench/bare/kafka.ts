import type { ServiceHandle } from '../../src/binding/index.ts';
import { clientSource } from '../../src/connections/kafka/client.ts';
import { resolveKafkaOptions } from '../../src/connections/kafka/settings.ts';
import type { MillraceEvent } from '../../src/contracts/event.ts';

/**
 * Milliseconds of kafkajs alone, until every page is acknowledged by all replicas: its own partitioner, one request in flight. Not idempotent, as the
 * producer that it is compared with.
 */
export async function throughKafkajs(handle: ServiceHandle, topic: string, pages: readonly (readonly MillraceEvent[])[]): Promise<number> {
  const { kafka, kafkajs } = await clientSource(handle, resolveKafkaOptions({})).open();
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const startedAt = performance.now();
  for (const page of pages) await producer.send({ topic, acks: -1, messages: page.map(messageOf) });
  const took = performance.now() - startedAt;
  await producer.disconnect();
  return took;
}

function messageOf({
  id,
  source,
  type,
  time,
  datacontenttype = '',
  tenantid = '',
  actorid = '',
  partitionkey = '',
  sequence = '',
  data,
}: MillraceEvent) {
  const attributes = { ce_specversion: '1.0', ce_id: id, ce_source: source, ce_type: type, ce_time: time, 'content-type': datacontenttype };
  const headers = { ...attributes, ce_tenantid: tenantid, ce_actorid: actorid, ce_partitionkey: partitionkey, ce_sequence: sequence };
  return { key: partitionkey, value: data as Buffer, headers };
}
