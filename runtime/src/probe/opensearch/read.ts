export type Ask = <T>(path: string, querystring: Record<string, string>) => Promise<T>;

export interface ClusterHealth {
  readonly status: 'green' | 'yellow' | 'red';
  readonly number_of_data_nodes: number;
  readonly active_shards: number;
  readonly initializing_shards: number;
  readonly unassigned_shards: number;
}

/** The server's own patience ends before the client's, so that it can say that it has no cluster manager. */
const patience = { cluster_manager_timeout: '2s' };

export function readHealth(ask: Ask): Promise<ClusterHealth> {
  return ask('/_cluster/health', { ...patience, filter_path: 'status,number_of_data_nodes,*_shards' });
}

export interface NodeStats {
  readonly name: string;
  readonly os?: { readonly cpu?: { readonly percent?: number } };
  readonly jvm?: { readonly mem?: { readonly heap_used_in_bytes?: number; readonly heap_max_in_bytes?: number } };
  readonly fs?: { readonly total?: { readonly total_in_bytes?: number; readonly available_in_bytes?: number } };
  readonly thread_pool?: {
    readonly write?: { readonly rejected?: number };
    readonly search?: { readonly rejected?: number };
  };
  readonly indexing_pressure?: { readonly memory?: { readonly total?: Readonly<Record<string, number>> } };
}

const statsPath = '/_nodes/stats/os,jvm,fs,thread_pool,indexing_pressure';
const statsFilter = [
  ...['name', 'os.cpu.percent', 'jvm.mem.heap_used_in_bytes', 'jvm.mem.heap_max_in_bytes', 'fs.total'],
  ...['thread_pool.write.rejected', 'thread_pool.search.rejected', 'indexing_pressure.memory.total.*_rejections'],
].map((field) => `nodes.*.${field}`);

export async function readNodes(ask: Ask): Promise<NodeStats[]> {
  const { nodes = {} } = await ask<{ readonly nodes?: Readonly<Record<string, NodeStats>> }>(statsPath, {
    filter_path: statsFilter.join(','),
  });
  return Object.values(nodes);
}

/** Blocks by id, of the cluster and of each index. */
export interface Blocks {
  readonly global?: Readonly<Record<string, unknown>>;
  readonly indices?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export async function readBlocks(ask: Ask): Promise<Blocks> {
  const filter = 'blocks.global.*.retryable,blocks.indices.*.*.retryable';
  return (await ask<{ readonly blocks?: Blocks }>('/_cluster/state/blocks', { ...patience, filter_path: filter })).blocks ?? {};
}

interface SettingLevels {
  readonly [level: string]: { readonly cluster?: { readonly max_shards_per_node?: string } } | undefined;
}

/** What holds, by the order in which it does. */
const levels = ['transient', 'persistent', 'defaults'];
const keptMs = 300_000;

/** Reads `cluster.max_shards_per_node`, again when it is old; undefined where the service does not tell. */
export function shardLimitReader(): (ask: Ask) => Promise<number | undefined> {
  let limit: number | undefined;
  let until = 0;
  return async (ask) => {
    if (performance.now() < until) return limit;
    const query = { ...patience, include_defaults: 'true', filter_path: '*.cluster.max_shards_per_node' };
    const answer = await ask<SettingLevels>('/_cluster/settings', query);
    const value = levels.map((level) => answer[level]?.cluster?.max_shards_per_node).find((each) => each !== undefined);
    limit = value === undefined ? undefined : Number(value);
    until = performance.now() + keptMs;
    return limit;
  };
}
