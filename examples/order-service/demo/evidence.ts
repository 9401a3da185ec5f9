import type { Pool } from 'pg';
import type { Evidence, LedgerEntry } from './judge.ts';
import type { Sightings } from './sightings.ts';

/** Who owes an effect to which events. */
const subscriptions = { inventory: ['orders.created', 'orders.updated'], emails: ['orders.created'] } as const;

const tables = { inventory: 'stock_movements', emails: 'emails' } as const;

/** Ledger and effects as the database holds them, with what the journals say of deliveries. */
export async function collectEvidence(pool: Pool, { deliveries }: Sightings): Promise<Evidence> {
  const { rows } = await pool.query<LedgerRow>('select event_id, topic, customer_id, place::float8 as place from ledger');
  const ledger = rows.map(
    ({ event_id, topic, customer_id, place }): LedgerEntry => ({ eventId: event_id, topic, customerId: customer_id, place }),
  );
  const effects = { inventory: await effectsIn(pool, tables.inventory), emails: await effectsIn(pool, tables.emails) };
  return { ledger, subscriptions, effects, deliveries };
}

interface LedgerRow {
  event_id: string;
  topic: string;
  customer_id: string;
  place: number;
}

async function effectsIn(pool: Pool, table: string): Promise<string[]> {
  const { rows } = await pool.query<{ event_id: string }>(`select event_id from ${table} order by id`);
  return rows.map(({ event_id }) => event_id);
}

/** Effects still owed to committed events. */
export async function effectsDue(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ due: string }>(`
    select count(*) as due from (
      (select 'inventory', event_id from ledger except all select 'inventory', event_id from stock_movements)
      union all
      (select 'emails', event_id from ledger where topic = 'orders.created' except all select 'emails', event_id from emails)
    ) as pairs`);
  return Number(rows[0]!.due);
}
