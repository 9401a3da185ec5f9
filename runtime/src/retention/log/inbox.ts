import type { ClientBase } from 'pg';
import type { Held } from '../task.ts';
import { keptByTransaction, removePartition } from './detach.ts';

/** Events older than this many days are set aside as too old instead of taken, so what was taken of them need not be known. */
const pastSql = `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'millrace.inbox'::regclass and not i.inhdetachpending
    and to_date(substring(c.relname from 'inbox_(\\d+)$'), 'YYYYMMDD') < (clock_timestamp() at time zone 'UTC')::date - $1::integer
  order by c.relname`;

/** Drops the days of the inbox that lie before its window. */
export async function dropInboxDays(
  client: ClientBase,
  days: number,
  tally: { readonly dropped: string[]; readonly held: Held[] },
  signal: AbortSignal,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(pastSql, [days]);
  for (const { name } of rows) {
    if (signal.aborted) return;
    if (!(await removePartition(client, 'inbox', name))) {
      // Until it has gone no other day can be detached.
      tally.held.push(keptByTransaction(name));
      return;
    }
    tally.dropped.push(name);
  }
}
