import { wrap } from '../../../runtime/src/binding/index.ts';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { kafkaTopics } from '../../../runtime/src/transports/kafka/index.ts';
import type { HandedOver } from './kafka-transport-fixture.ts';

export interface ChildSettings {
  readonly handedOver: HandedOver;
  readonly topology: Topology;
  readonly topic: string;
  readonly name: string;
  readonly concurrency: number;
  /** Id of the event whose handler kills the process. */
  readonly poison: string;
  /** @default 1_000 */
  readonly sessionTimeoutMs?: number;
}

/** Consumes until it is killed; says `begin ID ATTEMPT` and `end ID`, a line each. */
const { handedOver, topology, topic, name, concurrency, poison, sessionTimeoutMs = 1_000 } = JSON.parse(process.argv[2]!) as ChildSettings;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const { bound, env } = handedOver;
const service = wrap({ log: bound }, { env }).service('log');
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const transport = await kafkaTopics({ service, topology, consumerName: name, sessionTimeoutMs, logger: quiet });
process.once('SIGTERM', () => transport.close().then(() => process.exit(0)));
await transport.subscribe(topic, { group: 'g', concurrency }, async ({ id }, { attempt }) => {
  say(`begin ${id} ${attempt}`);
  // At once the lines before would be lost.
  if (id === poison) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 20);
  if (id === poison) await new Promise(() => undefined);
  say(`end ${id}`);
});
