import { guarded } from './guarded.ts';
import type { Transaction } from './transaction.ts';

export type { Transaction } from './transaction.ts';

/** What Knex hands to the callback of `knex.transaction`; a `knex` has no `isCompleted`. */
export interface KnexTransaction {
  raw(sql: string, bindings: readonly (string | null)[]): PromiseLike<{ readonly rows: readonly unknown[] }>;
  isCompleted(): boolean;
}

/**
 * The transaction of a Knex `trx`, nested ones (savepoints) included.
 *
 * @example
 * await knex.transaction(async (trx) => {
 *   await trx('orders').insert({ id, total });
 *   await enqueue(knexTransaction(trx), [{ topic: 'orders.created', type: 'order.created', key: id, data: { id, total } }], { source: '/orders' });
 * });
 */
export function knexTransaction(trx: KnexTransaction): Transaction {
  return guarded({
    wayOut: 'pass the trx that knex.transaction() hands over, while it runs',
    isOpen: () => (trx as Partial<KnexTransaction>).isCompleted?.() === false,
    async query(sql, values) {
      const bindings: (string | null)[] = [];
      const text = sql.replaceAll(/\$(\d+)/g, (_, place: string) => {
        bindings.push(values[Number(place) - 1]!);
        return '?';
      });
      return (await trx.raw(text, bindings)).rows;
    },
  });
}
