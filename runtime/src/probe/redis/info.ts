import type { Sample, SignalName } from '../../contracts/signals.ts';
import { type Info, replicasOf } from '../../health/redis-rules.ts';

/** What one server tells of itself. */
export function serverSamples(service: string, node: string, info: Info): Sample[] {
  const labels = { service, node };
  const number = (field: string): number | undefined => (info.has(field) ? Number(info.get(field)) : undefined);
  const sampleOf = (signal: SignalName, value: number | undefined): Sample[] => (value === undefined ? [] : [{ signal, labels, value }]);
  return [
    ...sampleOf('redis.memory.used_ratio', ratio(number('used_memory'), number('maxmemory'))),
    ...sampleOf('redis.operations', number('instantaneous_ops_per_sec')),
    ...sampleOf('redis.connections.used_ratio', ratio(number('connected_clients'), number('maxclients'))),
    ...sampleOf('redis.evicted_keys', number('evicted_keys')),
    ...sampleOf('redis.refused_writes', refusedWrites(info)),
    ...sampleOf('redis.persistence.failed', persistenceFailed(info)),
  ];
}

/** What a master tells of its replicas. One that is away is not among them: `redis.replicas.missing` tells of it. */
export function replicationSamples(service: string, info: Info): Sample[] {
  return replicasOf(info).flatMap(({ address, state, lagSeconds }) =>
    state === 'online' ? [{ signal: 'redis.replication.lag' as const, labels: { service, node: address }, value: lagSeconds }] : [],
  );
}

/** Replicas that are connected and in sync. */
export function replicasInSync(info: Info): number {
  return replicasOf(info).filter(({ state }) => state === 'online').length;
}

/** Undefined where there is no limit. */
function ratio(used: number | undefined, limit: number | undefined): number | undefined {
  return used === undefined || limit === undefined || limit === 0 ? undefined : used / limit;
}

/** INFO counts the errors that were given, by their codes; one that was never given is not among them. */
function refusedWrites(info: Info): number | undefined {
  if (!info.has('total_error_replies')) return undefined;
  return Number(/count=(\d+)/.exec(info.get('errorstat_OOM') ?? '')?.[1] ?? 0);
}

const outcomes = ['rdb_last_bgsave_status', 'aof_last_bgrewrite_status', 'aof_last_write_status'];

function persistenceFailed(info: Info): number | undefined {
  const told = outcomes.flatMap((field) => info.get(field) ?? []);
  return told.length === 0 ? undefined : Number(told.some((outcome) => outcome !== 'ok'));
}
