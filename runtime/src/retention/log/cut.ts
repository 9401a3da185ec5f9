import type { ClientBase } from 'pg';
import { inLockAttempts } from '../../schema/lock-attempts.ts';
import { metLock } from '../../schema/sqlstate.ts';

/** Longest wait of a writer for a cut, and of a cut for writers. */
const lockTimeoutMs = 100;
/** Attempts of one run; a transaction that outlasts them is met again a minute later. */
const attempts = 5;

/**
 * Ends the partition in use at the boundary of a day, or of a week when the log is kept for more than 31 days, so that a log with few events can be
 * dropped day by day.
 *
 * Writers wait for at most 100 ms an attempt. While a transaction that has enqueued stays open there is no cut.
 *
 * @returns the ids that were passed over; 0 when no cut was due, undefined when open transactions did not let it happen.
 */
export async function cutLog(client: ClientBase, outboxDays: number): Promise<number | undefined> {
  const period = outboxDays > 31 ? 'week' : 'day';
  try {
    const { rows } = await inLockAttempts(client, { lockTimeoutMs, attempts }, () =>
      client.query<{ skipped: string }>('select millrace.cut_outbox($1) as skipped', [period]),
    );
    return Number(rows[0]!.skipped);
  } catch (error) {
    if (metLock(error)) return undefined;
    throw error;
  }
}
