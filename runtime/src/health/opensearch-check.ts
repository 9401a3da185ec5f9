import { exceptionType, statusOf } from '../connections/opensearch/errors.ts';
import type { SearchConnection } from '../connections/opensearch/index.ts';
import { isMillraceError } from '../contracts/errors.ts';
import { type CheckOptions, checkIdentity, type Fault, type HealthCheck, type Observation, outcomeOf } from './check.ts';

export interface SearchCheckOptions extends CheckOptions {
  /** What a cluster without all its replicas is; a single node never has them, so `up` suits development. @default 'degraded' */
  readonly yellow?: 'up' | 'degraded';
  /** `down` when the whole cluster refuses writes. @default true */
  readonly writable?: boolean;
  /** Used share of a node's disk above which the cluster is `degraded`; 0.85 is where OpenSearch itself stops placing shards. @default 0.85 */
  readonly diskWarnRatio?: number;
}

interface ClusterHealth {
  readonly status: 'green' | 'yellow' | 'red';
  readonly number_of_nodes: number;
  readonly unassigned_shards: number;
  readonly initializing_shards: number;
}

interface NodeStats {
  readonly name: string;
  readonly thread_pool?: { readonly write?: { readonly rejected?: number } };
  readonly indexing_pressure?: { readonly memory?: { readonly total?: Readonly<Record<string, number>> } };
  readonly fs?: { readonly total?: { readonly total_in_bytes?: number; readonly available_in_bytes?: number } };
}

/** Blocks by id, of the cluster and of each index. */
interface Blocks {
  readonly global?: Readonly<Record<string, unknown>>;
  readonly indices?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What was seen; undefined where this user may not look, or the service (OpenSearch Serverless) has no such thing to look at. */
interface Sight {
  readonly health: ClusterHealth | undefined;
  readonly nodes: readonly NodeStats[] | undefined;
  readonly blocks: Blocks | undefined;
}

const statsPath = '/_nodes/stats/thread_pool,indexing_pressure,fs';
const statsFilter = 'nodes.*.name,nodes.*.thread_pool.write.rejected,nodes.*.indexing_pressure.memory.total.*_rejections,nodes.*.fs.total';

/** Ids that OpenSearch gives to blocks of writes, of new indices, and to the one that a full disk puts on an index. */
const blockIds = { clusterReadOnly: '6', clusterReadOnlyAllowDelete: '13', createIndex: '10', indexReadOnlyAllowDelete: '12' } as const;

/**
 * Looks at an OpenSearch cluster through the sockets of `connection`, with three small requests: its colour, rejected writes and disks, write blocks.
 *
 * The user needs `cluster:monitor/health`; without `cluster:monitor/nodes/stats` or `cluster:monitor/state` the rest is not looked at, which the observations tell.
 */
export function searchCheck(connection: SearchConnection, options: SearchCheckOptions = {}): HealthCheck {
  const rejections = growing();
  return {
    ...checkIdentity(options, connection.name),
    componentType: 'datastore',
    async check(signal) {
      try {
        const sight = await look(connection, signal, options.timeoutMs ?? 1_000);
        const rejected = sight.nodes?.reduce((sum, node) => sum + rejectedBy(node), 0);
        const faults = [
          ...healthFaults(sight.health, options.yellow ?? 'degraded'),
          ...blockFaults(sight.blocks, options.writable ?? true),
          ...diskFaults(sight.nodes, options.diskWarnRatio ?? 0.85),
          ...(rejections(rejected)
            ? [fault('degraded', 'OPENSEARCH_REJECTS', 'writes are being rejected (429): the cluster is overloaded')]
            : []),
        ];
        return outcomeOf(faults, observe(sight, rejected));
      } catch (error) {
        if (/^(cluster_manager|master)_not_discovered_exception$/.test(exceptionType(error) ?? '')) {
          return outcomeOf([fault('down', 'OPENSEARCH_NO_MANAGER', 'no cluster manager is elected')], []);
        }
        throw error;
      }
    },
  };
}

async function look({ client }: SearchConnection, signal: AbortSignal, timeoutMs: number): Promise<Sight> {
  // The server's own patience ends first, so that it can say that it has no cluster manager.
  const patience = { cluster_manager_timeout: `${Math.max(50, Math.round(timeoutMs * 0.6))}ms` };
  const ask = async <T>(path: string, querystring: Record<string, string>): Promise<T | undefined> => {
    try {
      return await client.transport.request<T>({ method: 'GET', path, querystring }, { signal, requestTimeout: timeoutMs, maxRetries: 0 });
    } catch (error) {
      if (isMillraceError(error, 'ACCESS_DENIED') || statusOf(error) === 404) return undefined;
      throw error;
    }
  };
  // Alone and first: a cluster that hangs then holds one socket of each look, not three.
  const health = await ask<ClusterHealth>('/_cluster/health', patience);
  const [stats, state] = await Promise.all([
    ask<{ nodes?: Record<string, NodeStats> }>(statsPath, { filter_path: statsFilter }),
    ask<{ blocks?: Blocks }>('/_cluster/state/blocks', { filter_path: 'blocks', ...patience }),
  ]);
  return { health, nodes: stats && Object.values(stats.nodes ?? {}), blocks: state && (state.blocks ?? {}) };
}

function fault(status: Fault['status'], code: NonNullable<Fault['code']>, reason: string): Fault {
  return { status, code, reason };
}

function healthFaults(health: ClusterHealth | undefined, yellow: 'up' | 'degraded'): Fault[] {
  if (health === undefined || health.status === 'green') return [];
  const { unassigned_shards: unassigned, initializing_shards: starting } = health;
  const missing = unassigned > 0 ? `${unassigned} shards are on no node` : `${starting} shards are still starting`;
  if (health.status === 'red') return [fault('down', 'OPENSEARCH_RED', `the cluster is red: ${missing}, primaries among them`)];
  return yellow === 'up' ? [] : [fault('degraded', 'OPENSEARCH_YELLOW', `the cluster is yellow: ${missing}, all of them replicas`)];
}

function blockFaults({ global = {}, indices = {} }: Blocks = {}, writable: boolean): Fault[] {
  const faults: Fault[] = [];
  if (blockIds.clusterReadOnly in global || blockIds.clusterReadOnlyAllowDelete in global) {
    faults.push(fault(writable ? 'down' : 'degraded', 'OPENSEARCH_READ_ONLY', 'the whole cluster is read-only'));
  }
  if (blockIds.createIndex in global)
    faults.push(fault('degraded', 'OPENSEARCH_INDICES_BLOCKED', 'no index can be created: all nodes are short of disk'));
  const blocked = Object.entries(indices).filter(([, blocks]) => blockIds.indexReadOnlyAllowDelete in blocks);
  if (blocked.length === 0) return faults;
  const named = blocked.slice(0, 3).map(([name]) => name);
  const more = blocked.length > named.length ? ` and ${blocked.length - named.length} more` : '';
  return [...faults, fault('degraded', 'OPENSEARCH_INDICES_BLOCKED', `a full disk has made indices read-only: ${named.join(', ')}${more}`)];
}

function diskFaults(nodes: readonly NodeStats[] = [], warnRatio: number): Fault[] {
  return nodes.flatMap((node) => {
    const ratio = diskUsed(node);
    return ratio !== undefined && ratio > warnRatio
      ? [fault('degraded', 'OPENSEARCH_DISK_FULL', `the disk of ${node.name} is ${Math.round(ratio * 100)} % used`)]
      : [];
  });
}

function diskUsed({ fs }: NodeStats): number | undefined {
  const { total_in_bytes: total = 0, available_in_bytes: available = 0 } = fs?.total ?? {};
  return total > 0 ? 1 - available / total : undefined;
}

function rejectedBy({ thread_pool, indexing_pressure }: NodeStats): number {
  const pressure = Object.values(indexing_pressure?.memory?.total ?? {});
  return pressure.reduce((sum, count) => sum + count, thread_pool?.write?.rejected ?? 0);
}

/** Whether a counter has grown since it was last seen; a restarted node counts from nought. */
function growing(): (count: number | undefined) => boolean {
  let before: number | undefined;
  return (count) => {
    const grew = before !== undefined && count !== undefined && count > before;
    before = count ?? before;
    return grew;
  };
}

function observe({ health, nodes, blocks }: Sight, rejected: number | undefined): Observation[] {
  const unseen = Object.entries({ clusterHealth: health, nodeStats: nodes, blocks }).filter(([, seen]) => seen === undefined);
  const fullest = Math.max(...(nodes ?? []).flatMap((node) => diskUsed(node) ?? []));
  return [
    ...unseen.map(([measure]) => ({ measure, value: 'not permitted' })),
    ...(health === undefined
      ? []
      : [
          { measure: 'clusterStatus', value: health.status },
          { measure: 'nodes', value: health.number_of_nodes, unit: '{node}' },
          { measure: 'unassignedShards', value: health.unassigned_shards, unit: '{shard}' },
        ]),
    ...(Number.isFinite(fullest) ? [{ measure: 'diskUsedRatio', value: Math.round(fullest * 1000) / 1000, unit: '1' }] : []),
    ...(rejected === undefined ? [] : [{ measure: 'rejectedWrites', value: rejected, unit: '{request}' }]),
  ];
}
