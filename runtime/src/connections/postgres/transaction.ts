import type { ClientBase } from 'pg';

/**
 * Runs `work` in a transaction of `client`: committed when it has returned, rolled back when it throws.
 *
 * @param begin what opens the transaction; settings of it may follow. @default 'begin'
 */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>, begin = 'begin'): Promise<T> {
  await client.query(begin);
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
