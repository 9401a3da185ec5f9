import type { Sample } from '../../contracts/signals.ts';
import type { Blocks, ClusterHealth, NodeStats } from './read.ts';

const colours = { green: 0, yellow: 1, red: 2 } as const;

/** @param shardLimit shards that a data node may have; undefined when that is not known */
export function clusterSamples(health: ClusterHealth, blocks: Blocks, shardLimit: number | undefined): Sample[] {
  const room = (shardLimit ?? 0) * health.number_of_data_nodes;
  // The limit counts those without a node, too.
  const shards = health.active_shards + health.initializing_shards + health.unassigned_shards;
  return [
    { signal: 'opensearch.cluster.status', labels: {}, value: colours[health.status] },
    { signal: 'opensearch.shards.unassigned', labels: {}, value: health.unassigned_shards },
    ...(room > 0 ? [{ signal: 'opensearch.shards.used_ratio', labels: {}, value: shards / room } as const] : []),
    { signal: 'opensearch.indices.write_blocked', labels: {}, value: writeBlocked(blocks) },
  ];
}

/**
 * Ids of blocks that keep an index from taking what is written to it: read-only, and read-only because its disk is full. The plain block on writes (8) is not
 * among them: lifecycles put it on indices that are cold, where nothing is written any more.
 */
const indexBlocks = ['5', '12'];
/** The same of the whole cluster, which counts as one more. */
const clusterBlocks = ['6', '13'];

function writeBlocked({ global = {}, indices = {} }: Blocks): number {
  const blocked = Object.values(indices).filter((blocks) => indexBlocks.some((id) => id in blocks)).length;
  return blocked + (clusterBlocks.some((id) => id in global) ? 1 : 0);
}

export function nodeSamples({ name, os, jvm, fs, thread_pool, indexing_pressure }: NodeStats): Sample[] {
  const labels = { node: name };
  const percent = os?.cpu?.percent ?? unknownPercent;
  const pressed = Object.values(indexing_pressure?.memory?.total ?? {}).reduce((sum, count) => sum + count, 0);
  return [
    ...(percent < 0 ? [] : [{ signal: 'opensearch.cpu.used_ratio', labels, value: percent / 100 } as const]),
    ...ratio('opensearch.heap.used_ratio', labels, jvm?.mem?.heap_used_in_bytes, jvm?.mem?.heap_max_in_bytes),
    ...ratio('opensearch.disk.free_ratio', labels, fs?.total?.available_in_bytes, fs?.total?.total_in_bytes),
    ...counter('opensearch.write.rejected', labels, thread_pool?.write?.rejected, pressed),
    ...counter('opensearch.search.rejected', labels, thread_pool?.search?.rejected),
  ];
}

/** What OpenSearch says where it cannot measure. */
const unknownPercent = -1;

function ratio(signal: Sample['signal'], labels: Sample['labels'], part: number | undefined, whole = 0): Sample[] {
  return part === undefined || whole <= 0 ? [] : [{ signal, labels, value: part / whole }];
}

function counter(signal: Sample['signal'], labels: Sample['labels'], count: number | undefined, more = 0): Sample[] {
  return count === undefined ? [] : [{ signal, labels, value: count + more }];
}
