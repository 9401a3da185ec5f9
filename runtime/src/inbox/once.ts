import type { ClientBase } from 'pg';
import { postgresError } from '../connections/postgres/errors.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { MillraceEvent } from '../contracts/event.ts';
import { beginAndTake, type Taken, type TakenDelivery } from './take.ts';

/** Where `once` and `onceForAll` get their connection: a `pg.Pool` fits. */
export interface Connections {
  connect(): Promise<ClientBase & { release(error?: Error | boolean): void }>;
}

/**
 * Applies the effects of a delivery in one transaction, exactly once for its event id.
 *
 * @param effect writes with the client it is given; what it throws rolls the transaction back and is thrown on. Between two statements it may take
 * 10 s: longer, and PostgreSQL ends the transaction, so that a consumer that was stopped does not hold up the one that has taken over.
 * @throws {MillraceError} DEPENDENCY_UNAVAILABLE when the database is away, which costs the event no attempt; CONSUMER_LEASE_LOST when another consumer has taken
 * over; HANDLER_FAILED when `effect` went on after a statement had failed.
 * @example
 * await transport.subscribe('orders.created', { group: 'inventory' }, async (event, delivery) => {
 *   await once(database.pool, 'inventory', delivery, async (client) => {
 *     await client.query('update stock set quantity = quantity - 1 where sku = $1', [jsonData<{ sku: string }>(event)!.sku]);
 *   });
 * });
 */
export async function once(
  pool: Connections,
  consumer: string,
  delivery: TakenDelivery,
  effect: (client: ClientBase, event: MillraceEvent) => Promise<void>,
): Promise<Taken> {
  const [taken] = await onceForAll(pool, consumer, [delivery], (client) => effect(client, delivery.event));
  return taken!;
}

/**
 * Applies the effects of a batch of deliveries in one transaction, exactly once for each event id: a commit a batch instead of one an event.
 *
 * @param effect is given the deliveries that are new, in their order; it is not called when none is. What it throws rolls the transaction back and is
 * thrown on: nothing of the batch is taken in then, and `subscribeBatches` delivers its events again one by one. As with `once` it may take 10 s between
 * two statements.
 * @returns what became of each delivery, in their order.
 * @throws {MillraceError} DEPENDENCY_UNAVAILABLE and CONSUMER_LEASE_LOST as `once`, of any of the shards; HANDLER_FAILED when `effect` went on after a
 * statement had failed, or when the deliveries are of several runs.
 * @example
 * await transport.subscribeBatches('orders.created', { group: 'inventory', maxBatch: 500 }, async (deliveries) => {
 *   await onceForAll(database.pool, 'inventory', deliveries, async (client, fresh) => {
 *     const skus = fresh.map(({ event }) => jsonData<{ sku: string }>(event)!.sku);
 *     await client.query('insert into sold (sku) select unnest($1::text[])', [skus]);
 *   });
 * });
 */
export async function onceForAll<D extends TakenDelivery>(
  pool: Connections,
  consumer: string,
  deliveries: readonly D[],
  effect: (client: ClientBase, fresh: readonly D[]) => Promise<void>,
): Promise<readonly Taken[]> {
  if (deliveries.length === 0) return [];
  return onClient(pool, async (client) => {
    const taken = await reached(beginAndTake(client, consumer, deliveries));
    const fresh = deliveries.filter((_, i) => taken[i] === 'new');
    if (fresh.length > 0) await effect(client, fresh);
    const { command } = await client.query('commit');
    // PostgreSQL answers the commit of a failed transaction with a rollback, not with an error.
    if (command !== 'COMMIT') throw new MillraceError('HANDLER_FAILED', `an effect of ${consumer} went on after a statement had failed`);
    return taken;
  });
}

/** Tells a database that is away from a delivery that fails: nothing of its effects has begun, so it need not answer for it. */
async function reached<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const told = postgresError(error, 'the database of the inbox');
    if (!isMillraceError(told) || !/^(CONNECTION|POSTGRES)_/.test(told.code)) throw error;
    throw new MillraceError('DEPENDENCY_UNAVAILABLE', told.message, { cause: error });
  }
}

/** Whatever happens to the transaction or the server, the client goes back to the pool fit for the next one, or broken and marked so. */
async function onClient<T>(pool: Connections, transaction: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await reached(pool.connect());
  let broken: Error | undefined;
  // A pool does not listen to clients that it has given out: without this the loss of the server would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await transaction(client);
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
