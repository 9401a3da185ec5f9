import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { ServiceHandle } from '../../runtime/src/binding/index.ts';
import { eventually } from '../support/eventually.ts';
import { createTopic } from '../support/kafka-topic.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { startTestKafka } from '../support/servers.ts';
import { produce, withAdmin } from './kafka-client.ts';

/** A client that has nothing but the handle, and tries no more than twice. */
async function clientOf({ service, secret }: ServiceHandle): Promise<Kafka> {
  const { endpoints, tls, auth } = service;
  return new Kafka({
    brokers: endpoints.map(({ host, port }) => `${host}:${port}`),
    ...(tls?.caRef && { ssl: { ca: await secret(tls.caRef) } }),
    sasl: { mechanism: 'scram-sha-512', username: auth.username!, password: await secret(auth.secretRef!) },
    ...{ retry: { retries: 1 }, logLevel: logLevel.NOTHING, connectionTimeout: 3_000, requestTimeout: 3_000 },
  });
}

const clusterIdOf = (kafka: Kafka) => withAdmin(kafka, async (admin) => (await admin.describeCluster()).clusterId);

/** How many messages the topic has. */
async function sizeOf(kafka: Kafka, topic: string): Promise<number> {
  const offsets = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

/** Brokers need three seconds of processor time to start, which tests share. */
jest.setTimeout(180_000);

test('a test Kafka keeps its data over kill and restart, answers nothing while it is paused, and is gone after stop', async () => {
  const server = await startTestKafka({ settings: { 'num.partitions': '2' } });
  const kafka = await clientOf(server.handle());
  await withAdmin(kafka, (admin) => createTopic(admin, { topic: 'kept' }));
  await produce(kafka, 'kept', ['a']);
  const { pid } = server.nodes[0]!;
  await server.nodes[0]!.kill();
  await server.nodes[0]!.restart();
  expect(server.nodes[0]!.pid).not.toBe(pid);
  const { topics } = await withAdmin(kafka, (admin) => admin.fetchTopicMetadata({ topics: ['kept'] }));
  expect(topics[0]!.partitions).toHaveLength(2);
  expect(await eventually(() => sizeOf(kafka, 'kept'), { what: 'the leaders are there again' })).toBe(1);
  await server.nodes[0]!.pause();
  await expect(clusterIdOf(kafka)).rejects.toThrow();
  await server.nodes[0]!.resume();
  await eventually(() => clusterIdOf(kafka), { what: 'it answers again', timeoutMs: 30_000 });
  await expect(clusterIdOf(await clientOf(server.handle({ password: 'wrong' })))).rejects.toMatchObject({
    name: 'KafkaJSSASLAuthenticationError',
  });
  await server.stop();
  expect(existsSync(dirname(server.caFile!))).toBe(false);
});

test('clients are shown the certificate that a test asks for, such as an expired one', async () => {
  const validTo = new Date(Date.now() - 86_400_000);
  const server = await startTestKafka({ certificate: { validFrom: new Date(validTo.getTime() - 86_400_000), validTo } });
  await expect(clusterIdOf(await clientOf(server.handle()))).rejects.toThrow('certificate has expired');
  await server.stop();
});

test('clients can be led through proxies, by the bootstrap address and by what the broker advertises', async () => {
  const proxies: TestProxy[] = [];
  const server = await startTestKafka({
    advertise: async (_, listens) => {
      const proxy = await startProxy(listens);
      proxies.push(proxy);
      return { host: 'localhost', port: proxy.port };
    },
  });
  const proxy = proxies.at(-1)!;
  const kafka = await clientOf(server.handle({ port: proxy.port }));
  const { brokers } = await withAdmin(kafka, (admin) => admin.describeCluster());
  expect(brokers).toEqual([{ nodeId: 1, host: 'localhost', port: proxy.port }]);
  proxy.blackHole();
  await expect(clusterIdOf(kafka)).rejects.toThrow();
  await Promise.all(proxies.map((each) => each.close()));
  await server.stop();
});

test('without TLS, three brokers ask for the password all the same', async () => {
  const server = await startTestKafka({ tls: false, nodes: 3 });
  expect(server.handle().service.tls).toBeUndefined();
  const { brokers } = await withAdmin(await clientOf(server.handle()), (admin) => admin.describeCluster());
  expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3]);
  await expect(clusterIdOf(await clientOf(server.handle({ password: 'wrong' })))).rejects.toMatchObject({
    name: 'KafkaJSSASLAuthenticationError',
  });
  await server.stop();
});
