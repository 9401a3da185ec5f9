import type { Client } from 'pg';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { type Relay, type RelayOptions, startRelay } from '../../../runtime/src/outbox/relay.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { topologyOf } from '../integration/redis-streams-fixture.ts';
import type { TestLog } from './log.ts';

export interface TestRelay extends Relay {
  /** What it has logged, oldest first. */
  readonly said: { readonly message: string; readonly details: Record<string, unknown> }[];
  /** Cuts its connections for good, as the death of its process does: it cannot write progress or let the lease go. */
  crash(): Promise<void>;
  /** Cuts the connections it has now. */
  cut(): void;
}

export interface TestRelayOptions extends Partial<Omit<RelayOptions, 'transport' | 'topology' | 'openClient' | 'logger'>> {
  readonly log: TestLog;
  readonly transport: Transport;
  readonly topology?: Topology;
}

/** Short times, so that tests are; the order of things does not depend on them. */
const quick = { minPollMs: 2, maxPollMs: 20, flushMs: 20, ownersMs: 30, parkedMs: 50, maxRetryMs: 100, leaseMs: 1_000 };

export const plainTopology: Topology = topologyOf({ t: { tenantless: true, shards: 4 } });

export function startTestRelay({ log, transport, topology = plainTopology, ...options }: TestRelayOptions): TestRelay {
  const clients = new Set<Client>();
  const said: TestRelay['said'] = [];
  const say = (details: object, message: string): void => void said.push({ message, details: details as Record<string, unknown> });
  let dead = false;
  const relay = startRelay({
    ...{ service: 'events', ...quick, ...options, transport, topology, logger: { info: say, warn: say, error: say } },
    openClient: async (name) => {
      if (dead) throw new Error('this relay is dead');
      const client = await log.open(name);
      clients.add(client);
      return client;
    },
  });
  const cut = (): void => {
    for (const client of clients) socketOf(client).destroy();
    clients.clear();
  };
  return {
    ...relay,
    said,
    cut,
    async crash() {
      dead = true;
      cut();
      await relay.close();
    },
  };
}

function socketOf(client: Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}
