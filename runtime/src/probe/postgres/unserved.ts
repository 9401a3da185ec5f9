import type { Pool } from 'pg';
import type { Sample } from '../../contracts/signals.ts';
import type { Topology } from '../../contracts/topology.ts';

/** Of the first events in the log, because there is no index on topics; one that is not among them is told by what is older. */
const sql = `
select coalesce(greatest(0, extract(epoch from clock_timestamp() - min(created_at))), 0)::float8 as age
from (select topic, created_at from millrace.outbox order by id limit 1000) as first where topic = any($1::text[])`;

/**
 * Sinks that topics go to and that no relay has ever worked for: they have no row, and without these samples nothing would ring while events pile up.
 *
 * Nothing can be told of their gaps or progress.
 */
export async function unservedSinks(pool: Pool, service: string, { topics }: Topology, served: readonly string[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const [sink, carried] of liveSinks(topics)) {
    if (served.includes(sink)) continue;
    const { rows } = await pool.query<{ age: number }>(sql, [carried]);
    const labels = { service, sink };
    const { age: value } = rows[0]!;
    samples.push({ signal: 'outbox.oldest_age', labels, value }, { signal: 'outbox.lease_age', labels, value });
  }
  return samples;
}

/** Topics by the sink that a live route leads them to; named as the relay names it. */
function liveSinks(topics: Topology['topics']): Map<string, string[]> {
  const sinks = new Map<string, string[]>();
  for (const [topic, { transports }] of Object.entries(topics)) {
    for (const { kind, service, phase } of transports) {
      if (phase !== 'live') continue;
      const sink = `${kind}@${service}`;
      sinks.set(sink, [...(sinks.get(sink) ?? []), topic]);
    }
  }
  return sinks;
}
