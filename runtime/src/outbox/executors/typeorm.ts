import { guarded } from './guarded.ts';
import type { Transaction } from './transaction.ts';

export type { Transaction } from './transaction.ts';

/** An `EntityManager`. That of a `DataSource` has the same type, so that one is refused at run time only. */
export interface TypeormTransaction {
  query(sql: string, parameters: (string | null)[]): Promise<unknown>;
  readonly queryRunner?: { readonly isTransactionActive: boolean; readonly isReleased: boolean } | undefined;
}

/**
 * The transaction of a TypeORM `EntityManager`, nested ones (savepoints) included; of a query runner pass its `manager`.
 *
 * @example
 * await dataSource.transaction(async (manager) => {
 *   await manager.insert(Order, { id, total });
 *   await enqueue(typeormTransaction(manager), [{ topic: 'orders.created', type: 'order.created', key: id, data: { id, total } }], { source: '/orders' });
 * });
 */
export function typeormTransaction(manager: TypeormTransaction): Transaction {
  return guarded({
    wayOut: 'pass the manager that dataSource.transaction() hands to its callback',
    isOpen: () => manager.queryRunner?.isTransactionActive === true && !manager.queryRunner.isReleased,
    query: async (sql, values) => (await manager.query(sql, [...values])) as readonly unknown[],
  });
}
