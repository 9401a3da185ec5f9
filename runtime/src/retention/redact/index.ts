import { randomBytes } from 'node:crypto';
import { MillraceError } from '../../contracts/errors.ts';
import type { Topology } from '../../contracts/topology.ts';
import { uuidv7 } from '../../outbox/uuid.ts';
import { awaitTurn } from '../log/lock.ts';
import type { Progress, Remains } from './outcome.ts';
import { everywhere, type RedactGround, restoreAll, stillLifted } from './places.ts';
import { begun, close, othersOpen, type Request, resumed } from './requests.ts';
import { type Redaction, requireSought, type Sought } from './sought.ts';

export type { RedactGround } from './places.ts';
export { openRedactions } from './requests.ts';

export interface RedactOptions {
  /** Whose events; not needed with `resume`. */
  readonly sought?: Sought | undefined;
  /** Id of an open redaction that is to go on. */
  readonly resume?: string | undefined;
  /** Who asks for it; `actorid` of the events that tell of it. Not needed for a dry run. */
  readonly by?: string | undefined;
  /** Why, for the audit: a ticket, not a name. */
  readonly reason?: string | undefined;
  /** Where the events that tell of it go. @default 'audit.logs' */
  readonly auditTopic?: string | undefined;
  /** Counts, and changes nothing. @default false */
  readonly dryRun?: boolean | undefined;
  readonly told?: Progress | undefined;
  /** Ends it between two steps with REDACTION_STOPPED. */
  readonly signal?: AbortSignal | undefined;
}

export interface RedactOutcome {
  /** Id of the redaction: the marker on its events. Absent in a dry run. */
  readonly redaction?: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly remains: readonly Remains[];
}

/**
 * Takes from events of a tenant or person what they said, wherever Millrace keeps them: log, parked events and dead letters, what replays have given
 * up, archive, Redis streams and the indices of the topology. The events stay, marked with the extension attribute `redacted`; entries on Redis and documents are removed.
 *
 * It tells of itself by an event in the same transaction as the first change, and by another when all is done. An interrupted one goes on when it is asked
 * for again, or by its id. Not covered: what services have stored themselves, backups of the database and its write-ahead log, and what `remains` names.
 *
 * @throws {MillraceError} REDACTION_INVALID, TENANT_REQUIRED, TOPIC_UNKNOWN; RETENTION_BUSY; REDACTION_STOPPED; ARCHIVE_INVALID or ARCHIVE_UNAVAILABLE:
 * run it again then.
 */
export async function redact(ground: RedactGround, options: RedactOptions): Promise<RedactOutcome> {
  const { told = () => undefined, signal, dryRun = false, resume } = options;
  const { client, topology } = ground;
  const way = { told, signal, dryRun };
  if (dryRun) {
    const sought = resume === undefined ? soughtOf(options) : (await resumed(client, resume)).sought;
    const { counts, remains } = await everywhere(ground, { id: uuidv7(), sought, salt: randomBytes(32) }, way);
    return { counts, remains: [...remains, ...(await othersOpen(client, resume))] };
  }
  return awaitTurn(client, async () => {
    const request = requestOf(options);
    const redaction = await started(ground, request, options);
    const done = await everywhere(ground, redaction, way);
    const lifted = await stillLifted(ground, redaction);
    const outcome = { redaction: redaction.id, counts: done.counts, remains: [...done.remains, ...lifted] };
    // What is to be brought back is known by its row alone.
    if (lifted.length === 0) await close(client, topology, request, redaction, 'completed', { counts: done.counts, remains: done.remains });
    return { ...outcome, remains: [...outcome.remains, ...(await othersOpen(client, redaction.id))] };
  });
}

/**
 * Ends an open redaction where it is: it forgets whom it sought, and brings back what it has lifted on OpenSearch. What it has redacted stays so.
 *
 * @throws {MillraceError} REDACTION_INVALID when none is open under `id`; CONNECTION_FAILED when something cannot be brought back.
 */
export async function endRedaction(
  ground: RedactGround,
  id: string,
  options: Pick<RedactOptions, 'by' | 'reason' | 'auditTopic'>,
): Promise<void> {
  const { client, topology } = ground;
  await awaitTurn(client, async () => {
    const request = requestOf(options);
    const redaction = await resumed(client, id);
    requireAudit(topology, request, redaction.sought);
    await restoreAll(ground, redaction);
    await close(client, topology, request, redaction, 'ended', { reason: request.reason ?? null });
  });
}

async function started({ client, topology }: RedactGround, request: Request, options: RedactOptions): Promise<Redaction> {
  if (options.resume !== undefined) {
    const redaction = await resumed(client, options.resume);
    requireAudit(topology, request, redaction.sought);
    return redaction;
  }
  const sought = soughtOf(options);
  requireAudit(topology, request, sought);
  return begun(client, topology, request, sought);
}

function soughtOf({ sought = {} }: RedactOptions): Sought {
  requireSought(sought);
  // In one order: the same choice is the same redaction.
  return sought.topics?.length ? { ...sought, topics: [...new Set(sought.topics)].sort() } : { ...sought, topics: undefined };
}

function requestOf({ by, reason, auditTopic = 'audit.logs' }: Pick<RedactOptions, 'by' | 'reason' | 'auditTopic'>): Request {
  if (by === undefined || by === '') {
    throw new MillraceError('REDACTION_INVALID', 'who asks for it: give --by, which becomes the actor of the events that tell of it');
  }
  return { by, reason, auditTopic };
}

function requireAudit({ topics }: Topology, { auditTopic: name }: Request, { tenant }: Sought): void {
  const topic = topics[name];
  if (topic === undefined) {
    const declared = Object.keys(topics).join(', ');
    throw new MillraceError(
      'REDACTION_INVALID',
      `topic ${name} is not in the topology: name one for the events that tell of it with --audit-topic; declared are ${declared}`,
    );
  }
  if (!topic.tenantless && tenant === undefined) {
    throw new MillraceError(
      'REDACTION_INVALID',
      `events of topic ${name} belong to a tenant: give --tenant too, or a topic without tenants with --audit-topic`,
    );
  }
}
