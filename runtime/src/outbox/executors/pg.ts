import type { ClientBase } from 'pg';
import { type Caller, callOf, noTransaction } from './transaction.ts';

const wayOut = 'call begin on this client before enqueue';
const failed = 'the transaction has failed already';

/** The transaction that was begun on a client of `pg`. */
export function pgTransaction(client: ClientBase): Caller {
  return {
    requireOpen() {
      const refused = { I: 'the client is not inside a transaction', E: failed }[String(statusOf(client))];
      if (refused !== undefined) throw noTransaction(refused, wayOut);
    },
    async callFunction(fn, values) {
      if (statusOf(client) !== 'T' || hasUnanswered(client))
        return (await import('./guarded.ts')).guardedPg(client, wayOut).callFunction(fn, values);
      // Not prepared: behind a transaction pooler that fails inside the caller's transaction, and costs no measurable time otherwise.
      const { rows } = await client.query(`select ${callOf(fn)} as answer`, [...values]).catch((error: unknown) => {
        // `pg` hears of the failure of a transaction a moment after the statement that failed.
        throw (error as { code?: string }).code === '25P02' ? noTransaction(failed, wayOut, error) : error;
      });
      return rows[0].answer;
    },
  };
}

/** `pg` knows from every ReadyForQuery whether the session is idle (I), in a transaction (T) or in a failed one (E); before 8.21, and native, it does not. */
function statusOf(client: ClientBase): string | null | undefined {
  return (client as { getTransactionStatus?: () => string | null }).getTransactionStatus?.();
}

/** Whether statements were sent before that are not answered yet: one of them may be the end of the transaction, by a caller who did not wait for it. */
function hasUnanswered(client: ClientBase): boolean {
  const { _activeQuery: active, _queryQueue: queue } = client as { _activeQuery?: unknown; _queryQueue?: readonly unknown[] };
  return (active ?? null) !== null || (queue?.length ?? 0) > 0;
}
