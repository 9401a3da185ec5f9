import type { ClientBase } from 'pg';
import { inLockAttempts } from './lock-attempts.ts';
import { hasState, metLock, sqlState } from './sqlstate.ts';

export interface PartitionOptions {
  /** Ids a partition of the log holds. @default about what a day draws, between a million and 128 million */
  readonly span?: number;
  /** Free ids that are kept ahead of the writers; at 10,000 events/s the default lasts over six minutes after the maker has died. @default 4_000_000 */
  readonly headroom?: number;
  /** Days of the inbox in which duplicates are known. @default 32 */
  readonly inboxDays?: number;
}

const extendSql = 'select millrace.extend_outbox(coalesce($1, millrace.outbox_span()), $2) + millrace.extend_inbox($3, 4) as made';

/**
 * Makes the partitions of log and inbox that will be needed next; relays call it every minute.
 *
 * A partition is prepared as a table and attached: `ATTACH` lets writers go on. An attempt that meets a lock gives up after 200 ms and is made again.
 *
 * @returns how many partitions were made, and the ids that can still be drawn.
 */
export async function makePartitions(client: ClientBase, options: PartitionOptions = {}): Promise<{ made: number; headroom: number }> {
  const { span, headroom = 4_000_000, inboxDays = 32 } = options;
  const isBusy = (error: unknown): boolean => metLock(error) || metAnotherMaker(error);
  const made = await inLockAttempts(client, { lockTimeoutMs: 200, attempts: 20, isBusy }, () =>
    client.query(extendSql, [span, headroom, inboxDays]),
  );
  // A statement of its own: in the one that makes partitions they are not to be seen yet.
  const left = await client.query('select millrace.outbox_headroom() as headroom');
  return { made: made.rows[0].made, headroom: Number(left.rows[0].headroom) };
}

/** Another session has made the same partition meanwhile. */
function metAnotherMaker(error: unknown): boolean {
  return hasState(error, sqlState.duplicateTable, sqlState.invalidObjectDefinition);
}
