import { once } from 'node:events';
import { Command } from 'commander';
import { pino } from 'pino';
import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import { connectPostgres, type PostgresConnection } from '../connections/postgres/index.ts';
import { carriedBy, type Topology } from '../contracts/topology.ts';
import { createHealth, postgresCheck, startHealthServer } from '../health/index.ts';
import { relayBeacon, relayCheck } from '../health/relay-check.ts';
import { type Relay, startRelay } from '../outbox/relay.ts';
import { readTopology } from '../topology/index.ts';
import { openTransport, transportKindOf } from '../transports/open.ts';
import { type BindingFlags, bindingOf, pickService, withBinding } from './binding.ts';
import { atLeast, type ServingFlags, stopSignal, withServing } from './serving.ts';

interface Flags extends BindingFlags, ServingFlags {
  readonly database?: string;
  readonly sink?: string;
  readonly leaseMs?: number;
  readonly rewindMs?: number;
}

/** `millrace relay`: publishes the outbox of a database to one broker until it is told to stop. */
export function relayCommand(): Command {
  return withServing(withBinding(new Command('relay')))
    .description('publish the outbox to a broker; start several, one works and the others stand by; SIGTERM drains and ends')
    .option('--database <name>', 'postgres service of the binding that holds the outbox (default: the only one)')
    .option(
      '--sink <name>',
      'Redis, Kafka or RabbitMQ service of the binding to publish to (default: the only one that topics travel over)',
    )
    .option('--lease-ms <ms>', 'how long a dead relay keeps the others out (default: 1500, at least 200)', atLeast(200))
    .option('--rewind-ms <ms>', 'what is published again after a fail-over of the broker (default: 30000)', atLeast(1))
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const stop = stopSignal();
  const logger = pino({ name: 'millrace relay' });
  const binding = await bindingOf(flags);
  const topology = await readTopology(binding);
  const sink = pickSink(binding, topology, flags.sink);
  await using database = await connectPostgres(pickService(binding, '--database', flags.database, 'postgres'), { name: 'millrace relay' });
  await using transport = await openTransport({ service: sink, topology });
  const { openClient } = database;
  const { leaseMs, rewindMs } = flags;
  const times = { ...(leaseMs !== undefined && { leaseMs }), ...(rewindMs !== undefined && { rewindMs }) };
  await using relay = startRelay({ openClient, transport, topology, service: sink.name, logger, ...times });
  await using _server = flags.httpPort === undefined ? undefined : await serveHealth(flags, database, relay);
  await Promise.race([relay.stopped, stop.aborted ? undefined : once(stop, 'abort')]);
  logger.info(relay.status(), 'relay stops');
}

/** Of several brokers the one that topics travel over; a topic may move from one to another, then each has a relay of its own that is told which it is. */
function pickSink(binding: LoadedBinding, topology: Topology, name: string | undefined): ServiceHandle {
  if (name !== undefined) return pickService(binding, '--sink', name, ...sinkKinds);
  const used = binding.names.filter((each) => {
    const kind = transportKindOf(binding.service(each));
    return kind !== undefined && carriedBy(topology, kind, each).length > 0;
  });
  return pickService(binding, '--sink', used.length === 1 ? used[0] : undefined, ...sinkKinds);
}

const sinkKinds = ['redis-sentinel', 'redis', 'kafka', 'rabbitmq'] as const;

function serveHealth(flags: Flags, database: PostgresConnection, relay: Relay) {
  const health = createHealth({ checks: [postgresCheck(database), relayCheck(relay)] });
  return startHealthServer({ health, port: flags.httpPort!, host: flags.httpHost, beacons: [relayBeacon(relay)] });
}
