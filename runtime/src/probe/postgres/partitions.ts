import type { Pool, PoolClient } from 'pg';
import { filledPartitions, newestAgeSeconds } from '../../retention/log/partitions.ts';

const daySeconds = 86_400;
/** Partitions that were cut without a row have no age. */
const mostEmpty = 5;

const sql = 'select millrace.outbox_headroom()::float8 as headroom';

/** Ids that can be drawn before an insert finds no partition. */
export async function partitionHeadroom(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ headroom: number }>(sql);
  return rows[0]!.headroom;
}

/**
 * By how much the oldest partition of the log that is still there is over its retention. Why is not asked, for that is not cheap: a janitor drops within a
 * minute what nothing needs, so what stays is needed, could not be archived, or no janitor runs.
 */
export async function overRetentionSeconds(pool: Pool, outboxDays: number): Promise<number> {
  const client = await pool.connect();
  try {
    const seconds = await overSeconds(client, outboxDays);
    client.release();
    return seconds;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function overSeconds(client: PoolClient, outboxDays: number): Promise<number> {
  for (const { name } of (await filledPartitions(client)).slice(0, mostEmpty)) {
    const age = await newestAgeSeconds(client, name);
    if (age !== undefined) return Math.max(0, age - outboxDays * daySeconds);
  }
  return 0;
}
