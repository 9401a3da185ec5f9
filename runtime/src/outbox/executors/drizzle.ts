import { guarded } from './guarded.ts';
import type { Transaction } from './transaction.ts';

export type { Transaction } from './transaction.ts';

/** What Drizzle hands to the callback of `db.transaction`; a `db` has no `rollback`. */
export interface DrizzleTransaction {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter is a class with private parts, which only Drizzle can name
  execute(query: any): PromiseLike<unknown>;
  rollback(): never;
}

/**
 * The transaction of a Drizzle `tx`, nested ones (savepoints) included, over `pg`, `postgres` or any other driver that keeps a session.
 *
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.insert(orders).values({ id, total });
 *   await enqueue(drizzleTransaction(tx), [{ topic: 'orders.created', type: 'order.created', key: id, data: { id, total } }], { source: '/orders' });
 * });
 */
export function drizzleTransaction(tx: DrizzleTransaction): Transaction {
  return guarded({
    wayOut: 'pass the tx that db.transaction() hands to its callback',
    isOpen: () => typeof (tx as Partial<DrizzleTransaction>).rollback === 'function',
    async query(sql, params) {
      // What `sql` makes, without Drizzle: its own template would spread parameters that are lists.
      const built = { toQuery: () => ({ sql, params: [...params] }) };
      return rowsOf(await tx.execute({ getSQL: () => built }));
    },
  });
}

/** Some drivers answer with the rows, others with a result that has them. */
function rowsOf(result: unknown): readonly unknown[] {
  return Array.isArray(result) ? result : (result as { rows: readonly unknown[] }).rows;
}
