import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../../../../examples/order-service/src/journal.ts';
import { connectKafka } from '../../../../runtime/src/connections/kafka/index.ts';
import type { TestKafkaNode } from '../../../support/servers.ts';
import { coordinatorOf } from '../../support/kafka.ts';
import { type Blow, type Nemesis, oneOf } from './blow.ts';
import { bound, carrierOf } from './carriers.ts';
import { consumerNames, type Scene } from './scene.ts';

const ended = (what: string, fromMs: number): Blow => ({ what, fromMs, mendedMs: nowMs() });

async function nodeKilled(node: TestKafkaNode, what: string): Promise<Blow> {
  const fromMs = nowMs();
  await node.kill();
  await pause(1_000);
  await node.restart();
  return ended(what, fromMs);
}

/** Members come and go faster than the group settles. */
async function storm({ crew }: Scene, random: () => number): Promise<Blow> {
  const fromMs = nowMs();
  for (let i = 0; i < 6; i++) {
    crew.kill(oneOf(consumerNames, random));
    await pause(300 + random() * 700);
  }
  return ended('six rebalances in a few seconds', fromMs);
}

/** What happens to Kafka. */
export const kafkaNemeses: readonly Nemesis[] = [
  {
    ...{ name: 'a Kafka broker is killed', on: ['kafka'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }, random) {
      const { cluster } = carrierOf(carrier, 'kafka');
      return nodeKilled(oneOf(cluster.nodes, random), 'kill -9 of a Kafka broker');
    },
  },
  {
    ...{ name: 'the coordinator of the group is killed', on: ['kafka'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const { cluster } = carrierOf(carrier, 'kafka');
      const connection = await connectKafka(cluster.handle());
      const coordinator = await coordinatorOf(connection, 'stock').finally(() => connection.close());
      return nodeKilled(cluster.nodes[coordinator - 1]!, 'kill -9 of the coordinator of the group');
    },
  },
  { ...{ name: 'a storm of rebalances', on: ['kafka', 'redis', 'rabbitmq'], repeats: [] }, strike: storm },
];

/** What happens to RabbitMQ. */
export const rabbitNemeses: readonly Nemesis[] = [
  {
    ...{ name: 'RabbitMQ restarts', on: ['rabbitmq'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const [node] = carrierOf(carrier, 'rabbitmq').broker.nodes;
      const fromMs = nowMs();
      await node!.restart();
      return ended('restart of RabbitMQ', fromMs);
    },
  },
  {
    ...{ name: 'the memory alarm of RabbitMQ', on: ['rabbitmq'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const { broker } = carrierOf(carrier, 'rabbitmq');
      const fromMs = nowMs();
      await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
      await pause(3_000);
      await broker.ctl('set_vm_memory_high_watermark', 'absolute', '2GB');
      return ended('memory alarm of RabbitMQ for 3 s', fromMs);
    },
  },
  {
    ...{ name: 'a binding is removed', on: ['rabbitmq'], repeats: ['relay'] },
    async strike({ carrier }) {
      const { broker } = carrierOf(carrier, 'rabbitmq');
      const fromMs = nowMs();
      await bound(broker, 0, false);
      await pause(2_000);
      await bound(broker, 0, true);
      return ended('the binding of a queue removed for 2 s', fromMs);
    },
  },
  {
    ...{ name: 'a queue is full', on: ['rabbitmq'], repeats: ['relay', 'consumer'] },
    async strike({ carrier, crew }) {
      const { broker } = carrierOf(carrier, 'rabbitmq');
      const fromMs = nowMs();
      const policy = JSON.stringify({ 'max-length': 5, overflow: 'reject-publish' });
      await broker.ctl('set_policy', '-p', broker.vhost, '--apply-to', 'queues', 'full', '^orders[.]stock[.]', policy);
      for (const name of consumerNames) crew.pause(name);
      await pause(3_000);
      for (const name of consumerNames) crew.resume(name);
      await broker.ctl('clear_policy', '-p', broker.vhost, 'full');
      return ended('queues of five messages that refuse more, for 3 s', fromMs);
    },
  },
];
