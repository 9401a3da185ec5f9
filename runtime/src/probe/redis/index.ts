import { connectRedis } from '../../connections/redis/index.ts';
import { whenAsked } from '../../connections/when-asked.ts';
import type { SignalName } from '../../contracts/signals.ts';
import { IncompleteLook, type OpenLook } from '../look.ts';
import { lookAtNodes, type NodesSeen } from './nodes.ts';
import { createStreamsLook } from './streams.ts';

const connectTimeoutMs = 3_000;

/** Looks at a Redis, alone, with replicas, behind sentinels or as a cluster: its nodes by INFO, and every stream that the topology has there. */
export const openRedisLook: OpenLook = ({ service, topology, wanted, undeclared = true }) => {
  const lookAtStreams = createStreamsLook(topology, { service: service.name, undeclared });
  const redis = whenAsked(() => connectRedis(service, { name: 'millrace probe', cluster: true, connectTimeoutMs }));
  return {
    service: service.name,
    async sample(signal) {
      const { client } = await redis.get();
      // Ids of entries are of the server's clock.
      const [seconds] = await client.time();
      const [streams, nodes] = await Promise.all([
        lookAtStreams(client, Number(seconds) * 1_000, signal),
        wantsNodes(wanted) ? lookAtNodes(service, client) : ({ samples: [] } as NodesSeen),
      ]);
      const samples = [...streams.samples, ...nodes.samples];
      const fault = nodes.fault ?? streams.fault;
      if (fault !== undefined) throw new IncompleteLook(samples, fault);
      return samples;
    },
    [Symbol.asyncDispose]: () => redis.close(),
  };
};

function wantsNodes(wanted: ReadonlySet<SignalName> | undefined): boolean {
  if (wanted === undefined) return true;
  return [...wanted].some((name) => name.startsWith('redis.') && !name.startsWith('redis.stream.'));
}
