import type { Pool } from 'pg';

/**
 * Sessions of other roles hide when their transaction began, unless the role is a member of pg_read_all_stats; prepared transactions hide nothing. Both keep
 * vacuum waiting, whichever database they are in. Reads shared memory alone.
 */
const sql = `
select (select count(*) from pg_stat_activity where backend_type = 'client backend')
    / nullif(current_setting('max_connections')::float8 - current_setting('superuser_reserved_connections')::float8
      - coalesce(current_setting('reserved_connections', true)::float8, 0), 0) as used,
  coalesce(extract(epoch from clock_timestamp() - least(
    (select min(xact_start) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
    (select min(prepared) from pg_prepared_xacts))), 0)::float8 as oldest`;

export interface ServerState {
  /** Of the connections that are not kept for superusers. */
  readonly connectionsUsedRatio: number;
  readonly oldestTransactionSeconds: number;
}

export async function serverState(pool: Pool): Promise<ServerState> {
  const { rows } = await pool.query<{ used: number | null; oldest: number }>(sql);
  const { used, oldest } = rows[0]!;
  return { connectionsUsedRatio: used ?? 0, oldestTransactionSeconds: Math.max(0, oldest) };
}
