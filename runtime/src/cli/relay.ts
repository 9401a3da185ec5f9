import { once } from 'node:events';
import { Command } from 'commander';
import { pino } from 'pino';
import type { ServiceHandle } from '../binding/index.ts';
import { connectPostgres, type PostgresConnection } from '../connections/postgres/index.ts';
import type { Topology } from '../contracts/topology.ts';
import { createHealth, postgresCheck, startHealthServer } from '../health/index.ts';
import { relayBeacon, relayCheck } from '../health/relay-check.ts';
import { type Relay, startRelay } from '../outbox/relay.ts';
import { readTopology } from '../topology/index.ts';
import type { Transport } from '../transport.ts';
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
    .option('--sink <name>', 'service of the binding to publish to (default: the only Redis that is no cache)')
    .option('--lease-ms <ms>', 'how long a dead relay keeps the others out (default: 2000, at least 200)', atLeast(200))
    .option('--rewind-ms <ms>', 'what is published again after a fail-over of the broker (default: 30000)', atLeast(1))
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const stop = stopSignal();
  const logger = pino({ name: 'millrace relay' });
  const binding = await bindingOf(flags);
  const sink = pickService(binding, '--sink', flags.sink, 'redis-sentinel', 'redis');
  await using database = await connectPostgres(pickService(binding, '--database', flags.database, 'postgres'), { name: 'millrace relay' });
  const topology = await readTopology(binding);
  await using transport = await openTransport(sink, topology);
  const { openClient } = database;
  const { leaseMs, rewindMs } = flags;
  const times = { ...(leaseMs !== undefined && { leaseMs }), ...(rewindMs !== undefined && { rewindMs }) };
  await using relay = startRelay({ openClient, transport, topology, service: sink.name, logger, ...times });
  await using _server = flags.httpPort === undefined ? undefined : await serveHealth(flags, database, relay);
  await Promise.race([relay.stopped, stop.aborted ? undefined : once(stop, 'abort')]);
  logger.info(relay.status(), 'relay stops');
}

/** The driver is loaded for the kind that is bound, so that a service installs the client libraries it uses. */
async function openTransport(service: ServiceHandle, topology: Topology): Promise<Transport> {
  const { redisStreams } = await import('../transports/redis-streams/index.ts');
  return redisStreams({ service, topology });
}

function serveHealth(flags: Flags, database: PostgresConnection, relay: Relay) {
  const health = createHealth({ checks: [postgresCheck(database), relayCheck(relay)] });
  return startHealthServer({ health, port: flags.httpPort!, host: flags.httpHost, beacons: [relayBeacon(relay)] });
}
