import type { ClientBase } from 'pg';
import { MillraceError } from '../contracts/errors.ts';
import type { MillraceEvent } from '../contracts/event.ts';
import type { Delivery } from '../transport.ts';

/** What became of a delivery: its effects were applied, it had been before, or it is older than the inbox remembers and lies in `millrace.inbox_parked`. */
export type Taken = 'new' | 'duplicate' | 'expired';

/** What the inbox asks of a delivery; the one a handler is given fits. */
export type TakenDelivery = Pick<Delivery, 'event' | 'run' | 'lease'>;

const parkSql = 'insert into millrace.inbox_parked (consumer, run, event_id, event) values ($1, $2, $3, $4) on conflict do nothing';

/**
 * Notes in the caller's transaction that `consumer` takes an event, and tells whether its effects may be applied in it.
 *
 * Effects written with the same client happen exactly once for an event id, however often it is delivered: both commit or neither. Of a shard's
 * deliveries only those of its newest holder are taken, so that a consumer that slept through its lease cannot apply effects out of order.
 * Not covered: effects outside this database.
 *
 * @param consumer name of the effect, usually the group.
 * @throws {MillraceError} CONSUMER_LEASE_LOST when another consumer has taken over; roll back and let the delivery go.
 */
export async function take(client: ClientBase, consumer: string, delivery: TakenDelivery): Promise<Taken> {
  const { rows } = await client.query<TakenRow>('select millrace.take($1, $2, $3, $4, $5) as taken', takeArguments(consumer, delivery));
  return settle(client, consumer, delivery, rows[0]!);
}

interface TakenRow {
  taken: Taken | 'superseded';
}

function takeArguments(consumer: string, { event, run, lease }: TakenDelivery): (string | null)[] {
  return [consumer, run, event.id, lease?.scope ?? null, lease?.fence.toString() ?? null];
}

async function settle(client: ClientBase, consumer: string, { event, run, lease }: TakenDelivery, { taken }: TakenRow): Promise<Taken> {
  if (taken === 'superseded') {
    throw new MillraceError('CONSUMER_LEASE_LOST', `another consumer of ${consumer} has taken over ${lease?.scope}`);
  }
  if (taken === 'expired') await client.query(parkSql, [consumer, run, event.id, asJson(event)]);
  return taken;
}

/** A consumer that sleeps in its transaction would keep the next holder of the shard waiting. */
const begin = "begin; set local idle_in_transaction_session_timeout = '10s'";

/** Begin and take in one round trip: a fail-over of the broker brings thousands of duplicates, of which each would cost one more. */
async function beginAndTake(client: ClientBase, consumer: string, delivery: TakenDelivery): Promise<Taken> {
  const literals = takeArguments(consumer, delivery).map((value) => (value === null ? 'null' : client.escapeLiteral(value)));
  const results = (await client.query(`${begin}; select millrace.take(${literals.join(', ')}) as taken`)) as unknown as readonly {
    rows: TakenRow[];
  }[];
  return settle(client, consumer, delivery, results[2]!.rows[0]!);
}

/** The JSON event format, with the data as base64. */
function asJson({ data, ...attributes }: MillraceEvent): string {
  return JSON.stringify(data === undefined ? attributes : { ...attributes, data_base64: Buffer.from(data).toString('base64') });
}

/** Where `once` gets its connection: a `pg.Pool` fits. */
export interface Connections {
  connect(): Promise<ClientBase & { release(error?: Error | boolean): void }>;
}

/**
 * Applies the effects of a delivery in one transaction, exactly once for its event id.
 *
 * @param effect writes with the client it is given; what it throws rolls the transaction back and is thrown on. Between two statements it may take
 * 10 s: longer, and PostgreSQL ends the transaction, so that a consumer that was stopped does not hold up the one that has taken over.
 * @throws {MillraceError} CONSUMER_LEASE_LOST when another consumer has taken over; HANDLER_FAILED when `effect` went on after a statement had failed.
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
  const client = await pool.connect();
  let broken: Error | undefined;
  // A pool does not listen to clients that it has given out: without this the loss of the server would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    const taken = await beginAndTake(client, consumer, delivery);
    if (taken === 'new') await effect(client, delivery.event);
    const { command } = await client.query('commit');
    // PostgreSQL answers the commit of a failed transaction with a rollback, not with an error.
    if (command !== 'COMMIT') throw new MillraceError('HANDLER_FAILED', `an effect of ${consumer} went on after a statement had failed`);
    return taken;
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
