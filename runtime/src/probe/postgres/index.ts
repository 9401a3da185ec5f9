import type { Pool } from 'pg';
import { connectPostgres } from '../../connections/postgres/index.ts';
import { whenAsked } from '../../connections/when-asked.ts';
import type { Sample } from '../../contracts/signals.ts';
import type { Topology } from '../../contracts/topology.ts';
import type { OpenLook } from '../look.ts';
import { hasLog } from './ground.ts';
import { inboxParked } from './inbox.ts';
import { oldestUnpublished } from './oldest.ts';
import { overRetentionSeconds, partitionHeadroom } from './partitions.ts';
import { serverState } from './server.ts';
import { setAside } from './set-aside.ts';
import { sinks } from './sinks.ts';
import { unservedSinks } from './unserved.ts';

/** One session, kept between looks. A statement that takes longer than this would be felt, so it is not waited for. */
const session = { name: 'millrace probe', maxConnections: 1, connectTimeoutMs: 3_000, statementTimeoutMs: 2_000, idleTimeoutMs: 300_000 };

/** Looks at a PostgreSQL, and at the outbox and the inbox in it where there are any. */
export const openPostgresLook: OpenLook = ({ service, topology }) => {
  const database = whenAsked(() => connectPostgres(service, session));
  return {
    service: service.name,
    async sample(signal) {
      const { pool } = await database.get();
      const samples = await serverSamples(service.name, pool);
      signal.throwIfAborted();
      return (await hasLog(pool)) ? [...samples, ...(await logSamples(service.name, topology, pool, signal))] : samples;
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
};

async function serverSamples(service: string, pool: Pool): Promise<Sample[]> {
  const { connectionsUsedRatio, oldestTransactionSeconds } = await serverState(pool);
  const labels = { service };
  return [
    { signal: 'postgres.connections.used_ratio', labels, value: connectionsUsedRatio },
    { signal: 'postgres.transaction.oldest_age', labels, value: oldestTransactionSeconds },
  ];
}

async function logSamples(service: string, topology: Topology, pool: Pool, signal: AbortSignal): Promise<Sample[]> {
  const labels = { service };
  const served = await sinks(pool);
  const names = served.map(({ sink }) => sink);
  const samples = await unservedSinks(pool, service, topology, names);
  for (const { sink, low, backlog, leaseAgeSeconds } of served) {
    signal.throwIfAborted();
    const own = { service, sink };
    const { ageSeconds, inDoubt } = await oldestUnpublished(pool, sink);
    const { parkedKeys, deadLetters } = await setAside(pool, sink);
    samples.push(
      { signal: 'outbox.oldest_age', labels: own, value: ageSeconds },
      { signal: 'outbox.backlog', labels: own, value: backlog },
      { signal: 'outbox.gaps', labels: own, value: inDoubt },
      { signal: 'outbox.parked_keys', labels: own, value: parkedKeys },
      { signal: 'outbox.dead_letters', labels: own, value: deadLetters },
      { signal: 'outbox.lease_age', labels: own, value: leaseAgeSeconds },
      { signal: 'outbox.published', labels: own, value: low },
    );
  }
  samples.push(
    { signal: 'outbox.partition_headroom', labels, value: await partitionHeadroom(pool) },
    { signal: 'inbox.parked', labels, value: await inboxParked(pool) },
  );
  const { retention } = topology;
  if (retention === undefined) return samples;
  return [...samples, { signal: 'outbox.retention_held', labels, value: await overRetentionSeconds(pool, retention.outboxDays) }];
}
