import { guarded } from './guarded.ts';
import type { Transaction } from './transaction.ts';

export type { Transaction } from './transaction.ts';

/** What Kysely hands to the callback of `db.transaction().execute`, or `startTransaction()` returns; of a `db` `isTransaction` may be false. */
export interface KyselyTransaction {
  readonly isTransaction: true;
  // biome-ignore lint/suspicious/noExplicitAny: the parameter is a tree of nodes, which only Kysely can name
  executeQuery(query: any): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * The transaction of a Kysely `trx`, savepoints of a controlled transaction included.
 *
 * @example
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('orders').values({ id, total }).execute();
 *   await enqueue(kyselyTransaction(trx), [{ topic: 'orders.created', type: 'order.created', key: id, data: { id, total } }], { source: '/orders' });
 * });
 */
export function kyselyTransaction(trx: KyselyTransaction): Transaction {
  return guarded({
    wayOut: 'pass the trx that db.transaction().execute() hands to its callback',
    isOpen: () => (trx as { readonly isTransaction?: boolean }).isTransaction === true,
    async query(sql, parameters) {
      // What `CompiledQuery.raw` makes, without Kysely.
      const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
      return (await trx.executeQuery({ sql, parameters: [...parameters], query, queryId: { queryId: 'millrace' } })).rows;
    },
  });
}
