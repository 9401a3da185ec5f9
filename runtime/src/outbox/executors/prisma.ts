import { guarded } from './guarded.ts';
import type { Transaction } from './transaction.ts';

export type { Transaction } from './transaction.ts';

/** What Prisma hands to the callback of an interactive `prisma.$transaction`; what would end or change the connection is left out of it. */
export interface PrismaTransaction {
  $queryRawUnsafe(sql: string, ...values: (string | null)[]): Promise<unknown>;
  readonly $connect?: never;
}

/**
 * The interactive transaction of a Prisma `tx`, nested ones (savepoints) included. Not for the list form, `prisma.$transaction([..])`, which hands over nothing that could be joined.
 *
 * @example
 * await prisma.$transaction(async (tx) => {
 *   await tx.order.create({ data: { id, total } });
 *   await enqueue(prismaTransaction(tx), [{ topic: 'orders.created', type: 'order.created', key: id, data: { id, total } }], { source: '/orders' });
 * });
 */
export function prismaTransaction(tx: PrismaTransaction): Transaction {
  return guarded({
    wayOut: 'pass the tx that prisma.$transaction() hands to its callback',
    isOpen: () => typeof (tx as { readonly $connect?: unknown }).$connect !== 'function',
    query: async (sql, values) => (await tx.$queryRawUnsafe(sql, ...values)) as readonly unknown[],
  });
}
