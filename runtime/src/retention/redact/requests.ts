import { randomBytes } from 'node:crypto';
import type { ClientBase } from 'pg';
import { inTransaction } from '../../connections/postgres/transaction.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { Topology } from '../../contracts/topology.ts';
import { enqueue } from '../../outbox/enqueue.ts';
import { uuidv7 } from '../../outbox/uuid.ts';
import type { Remains } from './outcome.ts';
import { ownSource, ownTypes, type Redaction, type Sought } from './sought.ts';
import { redactAside } from './tables.ts';

/** Who asks, why, and where the events that tell of it go. */
export interface Request {
  readonly by: string;
  readonly reason?: string | undefined;
  readonly auditTopic: string;
}

/** A redaction that was begun and has not ended. Whom it seeks is not told: it can go on without. */
interface OpenRedaction {
  readonly id: string;
  readonly requestedAt: Date;
  readonly requestedBy: string;
  readonly reason: string | null;
}

export async function openRedactions(client: ClientBase): Promise<OpenRedaction[]> {
  const { rows } = await client.query<OpenRedaction>(
    `select id, requested_at as "requestedAt", requested_by as "requestedBy", reason from millrace.redaction
      where completed_at is null order by requested_at`,
  );
  return rows;
}

/** Others keep what they seek, and the salt, until they end. */
export async function othersOpen(client: ClientBase, id: string | undefined): Promise<Remains[]> {
  const others = (await openRedactions(client)).filter((each) => each.id !== id);
  return others.map((each) => ({
    where: 'millrace.redaction',
    sentence: `redaction ${each.id} of ${each.requestedAt.toISOString()} was interrupted and keeps whom it seeks: --resume ${each.id} or --end ${each.id}`,
  }));
}

/** @throws {MillraceError} REDACTION_INVALID when it is not open */
export async function resumed(client: ClientBase, id: string): Promise<Redaction> {
  const { rows } = await client.query<{ id: string; sought: Sought; salt: Buffer }>(
    'select id, sought, salt from millrace.redaction where completed_at is null and id::text = $1',
    [id],
  );
  if (rows[0] !== undefined) return rows[0];
  const open = (await openRedactions(client)).map((each) => each.id).join(', ');
  throw new MillraceError('REDACTION_INVALID', `no redaction ${id} is open; open are ${open || 'none'}`);
}

/** One that was interrupted is taken up again when the same is sought. */
export async function begun(client: ClientBase, topology: Topology, request: Request, sought: Sought): Promise<Redaction> {
  const text = JSON.stringify(sought);
  const open = await client.query<{ id: string; salt: Buffer }>(
    'select id, salt from millrace.redaction where completed_at is null and sought = $1::jsonb order by requested_at limit 1',
    [text],
  );
  if (open.rows[0] !== undefined) return { ...open.rows[0], sought };
  const redaction = { id: uuidv7(), sought, salt: randomBytes(32) };
  const { by, reason = null } = request;
  await inTransaction(client, async () => {
    await client.query('insert into millrace.redaction (id, requested_by, reason, sought, salt, done) values ($1, $2, $3, $4, $5, $6)', [
      ...[redaction.id, by, reason, text, redaction.salt],
      JSON.stringify(await redactAside(client, redaction)),
    ]);
    await tell(client, topology, request, redaction, 'requested', { topics: sought.topics ?? null, reason });
  });
  return redaction;
}

/** Erases whom it sought and the salt. `ended`: a person decided that it goes no further. */
export async function close(
  client: ClientBase,
  topology: Topology,
  request: Request,
  redaction: Redaction,
  what: 'completed' | 'ended',
  more: object,
): Promise<void> {
  await inTransaction(client, async () => {
    await client.query('update millrace.redaction set completed_at = clock_timestamp(), sought = null, salt = null where id = $1', [
      redaction.id,
    ]);
    await tell(client, topology, request, redaction, what, more);
  });
}

/** Says that a person was sought, not which: the event would keep what the redaction takes away. */
async function tell(
  client: ClientBase,
  topology: Topology,
  { auditTopic: topic, by }: Request,
  { id, sought: { tenant, actor, subject, key } }: Redaction,
  what: 'requested' | 'completed' | 'ended',
  more: object,
): Promise<void> {
  const data = { redaction: id, actor: actor !== undefined, subject: subject !== undefined, key: key !== undefined, ...more };
  const whose = tenant === undefined ? {} : { tenantId: tenant };
  const event = { topic, type: `${ownTypes}${what}`, source: ownSource, key: id, subject: id, actorId: by };
  await enqueue(client, [{ ...event, ...whose, data }], { topology });
}
