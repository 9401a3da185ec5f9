import type { Pool } from 'pg';

/**
 * A relay that ends gives its lease back, and leaves no time when it did; the last flush of its progress was at most a second before. By the clock of the
 * database, as leases are.
 */
const sql = `
select name, low::float8 as low, millrace.outbox_backlog(low)::float8 as backlog,
  greatest(0, extract(epoch from clock_timestamp() - case when isfinite(lease_until) then lease_until else updated_at end))::float8 as lease_age
from millrace.sink order by name`;

export interface SinkState {
  readonly sink: string;
  /** Everything up to this id is done. */
  readonly low: number;
  readonly backlog: number;
  /** 0 while the lease runs. */
  readonly leaseAgeSeconds: number;
}

/** How far every sink is that a relay has ever published for; the others have no row. */
export async function sinks(pool: Pool): Promise<SinkState[]> {
  const { rows } = await pool.query<{ name: string; low: number; backlog: number; lease_age: number }>(sql);
  return rows.map(({ name, low, backlog, lease_age }) => ({ sink: name, low, backlog, leaseAgeSeconds: lease_age }));
}
