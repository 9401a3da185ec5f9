import { setTimeout as pause } from 'node:timers/promises';
import { wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { rabbitQueues } from '../../../runtime/src/transports/rabbitmq/index.ts';

export interface RabbitChildSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly topology: Topology;
  readonly topic: string;
  readonly group: string;
}

/** Consumes a topic until it is ended; says `begin ID ATTEMPT` and `end ID`. An event of type `kill` ends it in the middle of the handler. */
const { service, env, topology, topic, group } = JSON.parse(process.argv[2]!) as RabbitChildSettings;

const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const transport = await rabbitQueues({ service: wrap({ tasks: service }, { env }).service('tasks'), topology, logger });
await transport.subscribe(topic, { group, concurrency: 4 }, async ({ id, type }, { attempt }) => {
  process.stdout.write(`begin ${id} ${attempt}\n`);
  await pause(10);
  if (type === 'kill') process.kill(process.pid, 'SIGKILL');
  await pause(10);
  process.stdout.write(`end ${id}\n`);
});
process.stdout.write('ready\n');
process.once('SIGTERM', () => void transport.close());
