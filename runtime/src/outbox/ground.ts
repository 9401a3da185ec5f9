import { MillraceError } from '../contracts/errors.ts';
import type { Session } from './session.ts';

const groundSql = `
select pg_is_in_recovery() as standby, exists (
  select 1 from pg_subscription_rel where srrelid = 'millrace.outbox'::regclass
  union all
  select 1 from pg_subscription_rel s join pg_inherits i on i.inhrelid = s.srrelid where i.inhparent = 'millrace.outbox'::regclass) as subscriber`;

/**
 * Refuses a database on which ids and transactions do not follow the writers.
 *
 * @throws {MillraceError} POSTGRES_NOT_PRIMARY on a standby, OUTBOX_NOT_HERE on a logical subscriber of the log.
 */
export async function requireOwnLog(session: Session): Promise<void> {
  const [row] = await session.rows<{ standby: boolean; subscriber: boolean }>('ground', groundSql);
  if (row!.standby) throw new MillraceError('POSTGRES_NOT_PRIMARY', 'the database is a standby: a relay reads the primary');
  if (row!.subscriber) {
    throw new MillraceError(
      'OUTBOX_NOT_HERE',
      'the outbox of this database is filled by logical replication: run the relay at the publisher',
    );
  }
}

/**
 * Refuses a log whose next ids have been published before, as after a restore of the sequence alone or a logical copy.
 *
 * @throws {MillraceError} OUTBOX_SEQUENCE_BEHIND with the statement that mends it.
 */
export function requireSequenceAhead(lastId: number, published: number): void {
  if (lastId >= published) return;
  const remedy = `select setval('millrace.outbox_id', ${published})`;
  throw new MillraceError(
    'OUTBOX_SEQUENCE_BEHIND',
    `the outbox sequence is at ${lastId}, events up to ${published} are published: stop the writers and run ${remedy}`,
  );
}

export async function lastDrawnId(session: Session): Promise<number> {
  const [row] = await session.rows<{ id: string }>('last_id', 'select last_value::text as id from millrace.outbox_id');
  return Number(row!.id);
}

/** One pass over `pg_locks`: between two, a transaction could change its name by being prepared. */
const holdersSql = `
with l as materialized (select locktype, database, relation, mode, granted, virtualtransaction, transactionid from pg_locks)
select distinct t.transactionid::text as xid from l r join l t using (virtualtransaction)
where r.locktype = 'relation' and r.relation = 'millrace.outbox'::regclass and r.mode = 'RowExclusiveLock' and r.granted
  and r.database = (select oid from pg_database where datname = current_database())
  and t.locktype = 'transactionid' and t.mode = 'ExclusiveLock' and t.granted`;

/** Transactions that have the log locked for writing now, prepared ones included: the owner of any id in doubt is among them or has ended. */
export async function lockHolders(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.rows<{ xid: string }>('holders', holdersSql);
  return new Set(rows.map((row) => row.xid));
}
