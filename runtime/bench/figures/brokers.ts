import type { ServiceHandle } from '../../src/binding/index.ts';
import type { MillraceEvent } from '../../src/contracts/event.ts';
import { throughKafkajs } from '../bare/kafka.ts';
import { throughAmqplib } from '../bare/rabbitmq.ts';
import type { Bench } from '../bench.ts';
import { eventsOf } from '../events.ts';
import { type Figure, median, round } from '../figure.ts';
import { fillOutbox } from '../fill.ts';
import { throughRelay, timed } from '../loops.ts';

interface Broker {
  readonly kind: 'kafka' | 'rabbitmq';
  readonly service: string;
  readonly topic: string;
  readonly events: number;
  bare(handle: ServiceHandle, pages: readonly MillraceEvent[][]): Promise<number>;
}

const kafka: Broker = {
  kind: 'kafka',
  service: 'log',
  topic: 'bench.log',
  events: 200_000,
  bare: (handle, pages) => throughKafkajs(handle, 'bench.log', pages),
};

const rabbitmq: Broker = {
  kind: 'rabbitmq',
  service: 'tasks',
  topic: 'bench.tasks',
  events: 60_000,
  bare: (handle, pages) => throughAmqplib(handle, 'bench.tasks', 4, pages),
};

export const kafkaFigure = (bench: Bench): Promise<Figure[]> => brokerFigure(bench, kafka);
export const rabbitmqFigure = (bench: Bench): Promise<Figure[]> => brokerFigure(bench, rabbitmq);

/**
 * Rows of the log to a broker, against the client library alone, which gets the same events from memory. Both count what the broker has acknowledged: for
 * Kafka by all in-sync replicas, for RabbitMQ on quorum queues.
 */
async function brokerFigure(bench: Bench, { kind, service, topic, events: full, bare }: Broker): Promise<Figure[]> {
  const events = bench.quick ? full / 10 : full;
  const database = await bench.freshDatabase();
  const client = await database.openClient('bench');
  await fillOutbox(client, topic, events);
  const handle = await bench.service(service);
  const pages = Array.from({ length: events / 1_000 }, (_, page) => eventsOf(1_000, page * 1_000));
  const turns: { relay: number; bare: number }[] = [];
  for (let turn = 1; turn <= (bench.quick ? 1 : 5); turn++) {
    const relay = await timed(events, () => throughRelay(bench, database, { service, events }));
    await bench.empty(service);
    const alone = await timed(events, () => bare(handle, pages));
    turns.push({ relay, bare: alone });
    bench.say(`turn ${turn}: relay ${relay}, the client alone ${alone} events/s`);
  }
  const ofLimit = round(median(turns.map((turn) => turn.relay / turn.bare)), 2);
  const value = median(turns.map(({ relay }) => relay));
  return [{ name: `relay.${kind}`, value, unit: 'events/s', ofLimit, target: '>= 0.8 of the client alone', reached: ofLimit >= 0.8 }];
}
