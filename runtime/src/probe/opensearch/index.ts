import { connectSearch } from '../../connections/opensearch/index.ts';
import { whenAsked } from '../../connections/when-asked.ts';
import type { OpenLook } from '../look.ts';
import { ofService } from '../service-samples.ts';
import { readBlocks, readHealth, readNodes, shardLimitReader } from './read.ts';
import { clusterSamples, nodeSamples } from './samples.ts';

/**
 * Looks at an OpenSearch cluster: its colour, its shards, indices that take no writes, and what its nodes have left.
 *
 * A look is three requests, and every 5 minutes one more for the limit of shards; none of them touches an index. The user needs, of the security plugin's
 * cluster permissions, `cluster:monitor/health`, `cluster:monitor/nodes/stats` and `cluster:monitor/state` (all in `cluster_monitor`); for an IAM identity on
 * AWS, `es:ESHttpGet`.
 */
export const openSearchLook: OpenLook = ({ service }) => {
  const cluster = whenAsked(() => connectSearch(service, { name: 'millrace probe', connectTimeoutMs, closeTimeoutMs }));
  const shardLimit = shardLimitReader();
  return {
    service: service.name,
    async sample(signal) {
      const { client } = await cluster.get();
      const ask = <T>(path: string, querystring: Record<string, string>): Promise<T> =>
        client.transport.request<T>({ method: 'GET', path, querystring }, { signal, requestTimeout: requestTimeoutMs, maxRetries: 1 });
      // Alone and first: a cluster that hangs then holds one socket of each look.
      const health = await readHealth(ask);
      const [nodes, blocks, limit] = await Promise.all([readNodes(ask), readBlocks(ask), shardLimit(ask)]);
      return ofService(service.name, [...clusterSamples(health, blocks, limit), ...nodes.flatMap(nodeSamples)]);
    },
    [Symbol.asyncDispose]: () => cluster.close(),
  };
};

const connectTimeoutMs = 5_000;
const requestTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;
