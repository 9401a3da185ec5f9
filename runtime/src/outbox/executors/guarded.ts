import type { ClientBase } from 'pg';
import { type Argument, callOf, type DatabaseFunction, noTransaction, type Transaction } from './transaction.ts';

/** What the adapter of a library knows of a handle. */
export interface Handle {
  /** What to do instead of what was refused: `pass the trx that knex.transaction() hands over`. */
  readonly wayOut: string;
  /** Whether the handle itself says that it is a transaction that has not ended. */
  isOpen(): boolean;
  /** Runs one statement with parameters `$1`, `$2`, .. and returns its rows. */
  query(sql: string, values: readonly (string | null)[]): Promise<readonly unknown[]>;
}

/**
 * A transaction that the server vouches for.
 *
 * What a library says of its handle is not enough: a statement on a pool, or on a handle whose transaction has ended, would commit alone. So the
 * statement that calls the function looks first whether its transaction has an id (xid). It has one only if an earlier statement of the same transaction
 * has written, and an autocommit statement has none before it. A transaction that has written nothing yet is given one, and the call is made again,
 * with the condition that the id still is that one; an autocommit statement has lost it. So a call is one round trip, and two when it is the first that
 * writes.
 *
 * Tried and dropped: `transaction_timestamp() = statement_timestamp()` is false under autocommit too, because each message of the extended protocol (Parse,
 * Bind, Execute) sets the second anew; LOCK TABLE and SAVEPOINT are refused outside a transaction block, but are statements of their own, a round trip for
 * every call: within a function the one is not refused and the other does not exist.
 *
 * Every parameter is one text, cast on the server: libraries have ways of their own with arrays, bytes and JSON, but none with a text.
 */
export function guarded({ wayOut, isOpen, query }: Handle): Transaction {
  const ask = async (sql: string, values: readonly (string | null)[]): Promise<string> => {
    const rows = await query(sql, values).catch((error: unknown) => {
      throw saysFailed(error) ? noTransaction('the transaction has failed already', wayOut, error) : error;
    });
    return (rows[0] as { answer: string }).answer;
  };
  const requireOpen = (): void => {
    if (!isOpen()) throw noTransaction('the handle is not inside a transaction', wayOut);
  };
  return {
    requireOpen,
    async callFunction(fn, values) {
      requireOpen();
      const texts = values.map(textOf);
      let answer = await ask(callWhen('pg_current_xact_id_if_assigned() is not null', fn, 'pg_current_xact_id()::text'), texts);
      if (!answer.startsWith(called)) {
        const sameId = `pg_current_xact_id_if_assigned() = $${texts.length + 1}::text::xid8`;
        answer = await ask(callWhen(sameId, fn, "''"), [...texts, answer]);
      }
      if (!answer.startsWith(called)) throw noTransaction('each statement of the handle commits by itself', wayOut);
      return answer.slice(called.length);
    },
    async run(sql, values) {
      await query(sql, values.map(textOf));
    },
  };
}

/** A client of `pg` that does not know whether it is in a transaction. */
export function guardedPg(client: ClientBase, wayOut: string): Transaction {
  return guarded({ wayOut, isOpen: () => true, query: async (sql, values) => (await client.query(sql, [...values])).rows });
}

/** What no xid begins with. */
const called = '+';

/** CASE evaluates only the branch it takes: the function is not called, and its transaction has no id yet, when the condition is asked. */
function callWhen(condition: string, fn: DatabaseFunction, otherwise: string): string {
  return `select case when ${condition} then '${called}' || ${callOf(fn, '::text')}::text else ${otherwise} end as answer`;
}

function textOf(value: Argument): string | null {
  if (value === null || typeof value === 'string') return value;
  return typeof value === 'boolean' ? String(value) : `{${value.map(elementOf).join(',')}}`;
}

function elementOf(value: string | Buffer | null): string {
  if (value === null) return 'null';
  return typeof value === 'string' ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"\\\\x${value.toString('hex')}"`;
}

/** Libraries wrap the error of the driver, each under a name of its own. */
function saysFailed(error: unknown): boolean {
  for (let inner = error as Wrapped | undefined, depth = 0; inner != null && depth < 5; depth++) {
    if (inner.code === '25P02' || inner.originalCode === '25P02') return true;
    inner = inner.cause ?? inner.driverError ?? inner.driverAdapterError ?? inner.meta;
  }
  return false;
}

interface Wrapped {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly cause?: Wrapped;
  readonly driverError?: Wrapped;
  readonly driverAdapterError?: Wrapped;
  readonly meta?: Wrapped;
}
