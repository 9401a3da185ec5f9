import type { Pool } from 'pg';

/** The function came with the second migration, the newest that the look needs. */
const sql = "select to_regprocedure('millrace.outbox_backlog(bigint)') is not null as there";

/** Whether the database holds an outbox: the probe also looks at databases without one. */
export async function hasLog(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ there: boolean }>(sql);
  return rows[0]!.there;
}
