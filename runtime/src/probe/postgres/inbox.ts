import type { Pool } from 'pg';

/** Counted by the key, and no further than somebody would. */
const sql = 'select count(*)::integer as events from (select from millrace.inbox_parked limit 10000) as parked';

/** Events that inboxes have set aside, at most 10,000. */
export async function inboxParked(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ events: number }>(sql);
  return rows[0]!.events;
}
