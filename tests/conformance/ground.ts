import { type Topology, topologySchema } from '../../runtime/src/contracts/topology.ts';
import type { Transport } from '../../runtime/src/transport.ts';
import { eventually } from '../support/eventually.ts';
import type { Check, Topics } from './check.ts';
import type { TestedDriver } from './driver.ts';

/** The group that topics have unless they name others. */
export const group = 'g';

/** A check has its groups to itself: some brokers let all members of a group wait for one that comes or goes, whatever it reads. */
const groupName = (check: Check, name: string): string => `${check.name}-${name}`;

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const oneTopic = { events: {} };

/** Makes the topics of `checks` on the server. @param run sets them apart from those of other runs. @returns what carries one of them out. */
export async function prepare(driver: TestedDriver, checks: readonly Check[], run: string): Promise<(check: Check) => Promise<void>> {
  const fullName = (check: Check, topic: string): string => `${run}.${check.name}.${topic}`;
  const named = checks.flatMap((check) =>
    Object.entries<Topics[string]>(check.topics ?? oneTopic).map(([name, topic]) => {
      const consumers = (topic.consumers ?? [{ group }]).map((consumer) => ({ ...consumer, group: groupName(check, consumer.group) }));
      return [fullName(check, name), { ...topic, consumers }];
    }),
  );
  const topology = topologyOf(driver, Object.fromEntries(named));
  await driver.provision(topology);
  return async (check) => {
    const opened: Transport[] = [];
    const first = Object.keys(check.topics ?? oneTopic)[0]!;
    const { patienceMs } = driver;
    try {
      await check.run({
        patienceMs,
        topic: (name = first) => fullName(check, name),
        group: (name = group) => groupName(check, name),
        async open(change) {
          const transport = await driver.open(topology, { logger: silent, drainMs: 2_000, ...change });
          opened.push(transport);
          return transport;
        },
        eventually: (what, probe) => eventually(probe, { what, timeoutMs: patienceMs }),
        restart: () => driver.restart(),
      });
    } finally {
      await Promise.all(opened.map((transport) => transport.close()));
    }
  };
}

/** Topics that travel over the driver's service, by their full names. */
export function topologyOf({ kind, service }: Pick<TestedDriver, 'kind' | 'service'>, topics: Topics): Topology {
  const routed = Object.entries(topics).map(([name, topic]) => [
    name,
    {
      transports: [{ kind, service }],
      ...{ shards: 1, partitions: 1, tenantless: true, consumers: [{ group }] },
      retry: { attempts: 3, initialDelayMs: 20, maxDelayMs: 100 },
      ...topic,
    },
  ]);
  return topologySchema.parse({ topics: Object.fromEntries(routed) });
}
