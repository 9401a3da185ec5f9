import type { ClientBase } from 'pg';
import { MillraceError } from '../contracts/errors.ts';
import type { MillraceEvent } from '../contracts/event.ts';
import { type Argument, callOf, type DatabaseFunction, type Transaction } from '../outbox/executors/transaction.ts';
import type { Delivery } from '../transport.ts';

/** What became of a delivery: its effects were applied, it had been before, or it is older than the inbox remembers and lies in `millrace.inbox_parked`. */
export type Taken = 'new' | 'duplicate' | 'expired';

/** What the inbox asks of a delivery; the one a handler is given fits. */
export type TakenDelivery = Pick<Delivery, 'event' | 'run' | 'lease'>;

type Answer = Taken | 'superseded';

const takeFunction: DatabaseFunction = { name: 'take', types: ['text', 'text', 'uuid', 'text', 'bigint'] };
const takeAllFunction: DatabaseFunction = { name: 'take_all', types: ['text', 'text', 'uuid[]', 'text[]', 'bigint[]'] };

const parkSql = `insert into millrace.inbox_parked (consumer, run, event_id, event)
  select $1::text, $2::text, e.id, e.event from unnest($3::text::uuid[], $4::text::jsonb[]) as e(id, event) on conflict do nothing`;

/** A consumer that sleeps in its transaction would keep the next holder of the shard waiting. */
const beginSql = "begin; set local idle_in_transaction_session_timeout = '10s'";

/**
 * Notes in the caller's transaction that `consumer` takes an event, and tells whether its effects may be applied in it.
 *
 * Effects written with the same client happen exactly once for an event id, however often it is delivered: both commit or neither. Of a shard's
 * deliveries only those of its newest holder are taken, so that a consumer that slept through its lease cannot apply effects out of order.
 * Not covered: effects outside this database.
 *
 * @param joined the client of `pg` on which the transaction runs, or that of another library as `enqueue` takes it, `drizzleTransaction(tx)`.
 * @param consumer name of the effect, usually the group.
 * @throws {MillraceError} CONSUMER_LEASE_LOST when another consumer has taken over: roll back and let the delivery go; OUTBOX_NO_TRANSACTION when the
 * handle of another library is in no transaction.
 */
export async function take(joined: ClientBase | Transaction, consumer: string, delivery: TakenDelivery): Promise<Taken> {
  const answer = (await call(joined, takeFunction, oneOf(consumer, delivery))) as Answer;
  const [taken] = await settle(joined, consumer, [delivery], [answer]);
  return taken!;
}

/**
 * As `take` for each of a batch of deliveries, in one statement. An event that comes twice in the batch is a duplicate the second time.
 *
 * @returns what became of each, in the order of `deliveries`.
 * @throws {MillraceError} CONSUMER_LEASE_LOST when another consumer has taken over one of the shards: roll back and let the whole batch go;
 * HANDLER_FAILED when the deliveries are of several runs.
 */
export async function takeAll(
  joined: ClientBase | Transaction,
  consumer: string,
  deliveries: readonly TakenDelivery[],
): Promise<readonly Taken[]> {
  if (deliveries.length === 0) return [];
  const answers = await call(joined, takeAllFunction, allOf(consumer, deliveries));
  return settle(joined, consumer, deliveries, answers.slice(1, -1).split(',') as Answer[]);
}

/** What the function answers, as text: `{new,duplicate}` of a list. */
async function call(joined: ClientBase | Transaction, fn: DatabaseFunction, values: readonly Argument[]): Promise<string> {
  if ('callFunction' in joined) return joined.callFunction(fn, values);
  const { rows } = await joined.query<{ answer: string }>(`select ${callOf(fn)}::text as answer`, [...values]);
  return rows[0]!.answer;
}

/** Begin and take in one round trip: a fail-over of the broker brings thousands of duplicates, of which each would cost one more. */
export async function beginAndTake(client: ClientBase, consumer: string, deliveries: readonly TakenDelivery[]): Promise<readonly Taken[]> {
  const [first, second] = deliveries;
  const sql =
    first !== undefined && second === undefined
      ? `array[millrace.take(${literals(client, oneOf(consumer, first))})]`
      : `millrace.take_all(${literals(client, allOf(consumer, deliveries))})`;
  const results = (await client.query(`${beginSql}; select ${sql} as taken`)) as unknown as readonly { rows: { taken: Answer[] }[] }[];
  return settle(client, consumer, deliveries, results[2]!.rows[0]!.taken);
}

function oneOf(consumer: string, { event, run, lease }: TakenDelivery): (string | null)[] {
  return [consumer, run, event.id, lease?.scope ?? null, lease?.fence.toString() ?? null];
}

/** Each lease once: a batch of hundreds of events comes from a few shards. */
function allOf(consumer: string, deliveries: readonly TakenDelivery[]): (string | readonly string[])[] {
  const run = deliveries[0]?.run ?? '';
  const fences = new Map<string, Set<bigint>>();
  for (const { lease, run: other } of deliveries) {
    if (other !== run) throw new MillraceError('HANDLER_FAILED', `a batch must be of one run, got '${run}' and '${other}'`);
    if (lease === undefined) continue;
    const known = fences.get(lease.scope);
    if (known === undefined) fences.set(lease.scope, new Set([lease.fence]));
    else known.add(lease.fence);
  }
  const leases = [...fences].flatMap(([scope, all]) => [...all].map((fence) => [scope, String(fence)] as const));
  return [consumer, run, deliveries.map(({ event }) => event.id), leases.map(([scope]) => scope), leases.map(([, fence]) => fence)];
}

function literals(client: ClientBase, values: readonly (string | null | readonly string[])[]): string {
  return values
    .map((value) => (value === null ? 'null' : client.escapeLiteral(typeof value === 'string' ? value : arrayText(value))))
    .join(', ');
}

function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/** Parks what is expired and refuses what is superseded. */
async function settle(
  joined: ClientBase | Transaction,
  consumer: string,
  deliveries: readonly TakenDelivery[],
  answers: readonly Answer[],
): Promise<readonly Taken[]> {
  if (answers.includes('superseded')) {
    const scopes = [...new Set(deliveries.map(({ lease }) => lease?.scope))].join(' or ');
    throw new MillraceError('CONSUMER_LEASE_LOST', `another consumer of ${consumer} has taken over ${scopes}`);
  }
  const expired = deliveries.filter((_, i) => answers[i] === 'expired');
  if (expired.length > 0) {
    const events = expired.map(({ event }) => event);
    const values = [consumer, expired[0]!.run, events.map(({ id }) => id), events.map(asJson)];
    await ('callFunction' in joined ? joined.run(parkSql, values) : joined.query(parkSql, values));
  }
  return answers as readonly Taken[];
}

/** The JSON event format, with the data as base64. */
function asJson({ data, ...attributes }: MillraceEvent): string {
  return JSON.stringify(data === undefined ? attributes : { ...attributes, data_base64: Buffer.from(data).toString('base64') });
}
