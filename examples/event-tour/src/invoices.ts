import type { Bus } from 'millrace/bus';
import type { PostgresConnection } from 'millrace/connections/postgres';
import { jsonData } from 'millrace/contracts/event';
import type { Topology } from 'millrace/contracts/topology';
import { onceForAll } from 'millrace/inbox';
import { type Replays, startReplays } from 'millrace/replay';
import type { BatchHandler, Delivery, Subscription } from 'millrace/transport';
import type { ClientBase } from 'pg';
import type { Order } from './orders.ts';

const group = 'inventory';

/** One statement for a whole batch; `run` tells a replay from what happens now. */
async function book(client: ClientBase, fresh: readonly Delivery[]): Promise<void> {
  const orders = fresh.map(({ event }) => jsonData<Order>(event)!);
  const columns = [orders.map(({ id }) => id), orders.map(({ cents }) => cents), fresh.map(({ run }) => run)];
  await client.query('insert into tour.invoices (order_id, cents, run) select * from unnest($1::text[], $2::int[], $3::text[])', columns);
}

function bookingIn(database: PostgresConnection): BatchHandler {
  return async (deliveries) => {
    await onceForAll(database.pool, group, deliveries, book);
  };
}

export function writeInvoices(bus: Bus, database: PostgresConnection): Promise<Subscription> {
  return bus.subscribeBatches('orders.created', { group, maxBatch: 200 }, bookingIn(database));
}

/** The same handler for events of the past, whenever `millrace replay` asks for them. */
export function writeInvoicesAgain(database: PostgresConnection, topology: Topology): Replays {
  const handlers = { 'orders.created': { batchHandler: bookingIn(database) } };
  return startReplays({ openClient: database.openClient, topology, group, handlers });
}
