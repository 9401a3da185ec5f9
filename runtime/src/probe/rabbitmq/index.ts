import { managementOf } from '../../connections/rabbitmq/management.ts';
import { strandedName } from '../../contracts/rabbit-delays.ts';
import { deadLetterQueue, groupQueue, shardsOf } from '../../contracts/rabbit-names.ts';
import type { Sample, SignalName } from '../../contracts/signals.ts';
import { carriedBy, ownedBy, routeOver, type Topology } from '../../contracts/topology.ts';
import type { OpenLook } from '../look.ts';
import { ofService } from '../service-samples.ts';
import { nodeSamples, nodeSignals } from './nodes.ts';
import { type QueueRow, readConnections, readNodes, readQueues } from './read.ts';

/**
 * Looks at a RabbitMQ broker through its management interface: its nodes, its connections, and the declared queues.
 *
 * A look is three requests, more only with hundreds of queues. Queues that nothing declares have no samples: their names may be made up at run time, with
 * tenants in them. The broker counts every 5 s, so that figures are up to 5 s old. The user needs the tag `monitoring`, or one that includes it.
 */
export const openRabbitLook: OpenLook = ({ service, topology, wanted }) => {
  const declared = declaredQueues(topology, service.name);
  const isWanted = (...names: SignalName[]): boolean => wanted === undefined || names.some((name) => wanted.has(name));
  let management: ReturnType<typeof managementOf> | undefined;
  return {
    service: service.name,
    async sample(signal) {
      management ??= managementOf(service, { timeoutMs });
      const [queues, nodes, connections] = await Promise.all([
        readQueues(management, [...declared.all]),
        isWanted(...nodeSignals) ? readNodes(management) : [],
        isWanted('rabbitmq.connections') ? readConnections(management) : undefined,
      ]);
      signal.throwIfAborted();
      return ofService(service.name, [
        ...queues.flatMap(queueSamples),
        ...deadLetterSamples(queues, declared),
        ...nodes.flatMap(nodeSamples),
        ...(connections === undefined ? [] : [{ signal: 'rabbitmq.connections', labels: {}, value: connections } as const]),
      ]);
    },
    [Symbol.asyncDispose]: async () => management?.[Symbol.asyncDispose](),
  };
};

/** Of an answer; the look as a whole has a limit. */
const timeoutMs = 5_000;

interface DeclaredQueues {
  readonly all: ReadonlySet<string>;
  /** Those that take what others give up, each with these. */
  readonly dead: ReadonlyMap<string, readonly string[]>;
}

/** The queues of a topic that is only mirrored here are not looked at: nobody shall take what is in them. */
function declaredQueues(topology: Topology, service: string): DeclaredQueues {
  const own = ownedBy(topology.queues, service);
  const topics = carriedBy(topology, 'rabbitmq', service);
  const groups = topics
    .filter(([, topic]) => routeOver(topic, 'rabbitmq', service)?.phase === 'live')
    .flatMap(([name, topic]) => topic.consumers.map(({ group }) => ({ name, group, shards: shardsOf(topic) })));
  const dead = new Map<string, string[]>();
  for (const [name, { deadLetterQueue: target }] of own) {
    if (target !== undefined) dead.set(target, [...(dead.get(target) ?? []), name]);
  }
  for (const { name, group, shards } of groups) {
    const queues = shards.map((shard) => groupQueue(name, group, shard));
    dead.set(deadLetterQueue(name, group), queues);
  }
  if (own.length + topics.length > 0) dead.set(strandedName, []);
  return { all: new Set([...own.map(([name]) => name), ...dead.keys(), ...[...dead.values()].flat()]), dead };
}

function queueSamples({ name, ready, unacknowledged, consumers, published }: QueueRow): Sample[] {
  const labels = { queue: name };
  return [
    { signal: 'rabbitmq.queue.depth', labels, value: ready },
    { signal: 'rabbitmq.queue.unacknowledged', labels, value: unacknowledged },
    { signal: 'rabbitmq.queue.consumers', labels, value: consumers },
    { signal: 'rabbitmq.queue.published', labels, value: published },
  ];
}

function deadLetterSamples(rows: readonly QueueRow[], { dead }: DeclaredQueues): Sample[] {
  const byName = new Map(rows.map((row) => [row.name, row]));
  return [...dead].flatMap(([queue, sources]): Sample[] => {
    const row = byName.get(queue);
    if (row === undefined) return [];
    const published = sources.reduce((sum, source) => sum + (byName.get(source)?.published ?? 0), 0);
    return [
      { signal: 'rabbitmq.queue.dead_letters', labels: { queue }, value: row.ready + row.unacknowledged },
      { signal: 'rabbitmq.queue.sources_published', labels: { queue }, value: published },
    ];
  });
}
