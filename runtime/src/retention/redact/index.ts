import { randomBytes } from 'node:crypto';
import type { Client, ClientBase } from 'pg';
import type { LoadedBinding } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { Topology } from '../../contracts/topology.ts';
import { enqueue } from '../../outbox/enqueue.ts';
import { uuidv7 } from '../../outbox/uuid.ts';
import type { ArchiveStore } from '../archive/store.ts';
import { awaitTurn } from '../log/turn.ts';
import { redactArchive } from './archive.ts';
import { beyondReach } from './beyond.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { type Redaction, requireSought, type Sought } from './sought.ts';
import { countTables, redactAside, redactLog } from './tables.ts';

export interface RedactOptions {
  readonly sought: Sought;
  /** Who asked for it; `actorid` of the events that tell of it. */
  readonly by: string;
  /** Why, for the audit: a ticket, not a name. */
  readonly reason?: string | undefined;
  /** Where the events that tell of it go. @default 'audit.logs' */
  readonly auditTopic?: string | undefined;
  /** Counts, and changes nothing. @default false */
  readonly dryRun?: boolean | undefined;
  readonly told?: Progress | undefined;
}

export interface RedactGround {
  /** A connection of its own without a limit of time for statements. */
  readonly client: Client;
  readonly binding: LoadedBinding;
  readonly topology: Topology;
  readonly archive?: ArchiveStore | undefined;
}

export interface RedactOutcome {
  /** Id of the redaction: the marker on its events. Absent in a dry run. */
  readonly redaction?: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly remains: readonly Remains[];
}

/**
 * Takes from events of a tenant or person what they said, wherever Millrace keeps them: log, parked events and dead letters, archive, Redis streams and
 * the indices of the topology. The events stay, marked with the extension attribute `redacted`; entries on Redis and documents are removed.
 *
 * It tells of itself by an event in the same transaction as the first change, and by another when all is done. An interrupted one goes on when it is asked
 * for again. Not covered: what services have stored themselves, backups of the database and its write-ahead log, and what `remains` names.
 *
 * @throws {MillraceError} REDACTION_INVALID, TENANT_REQUIRED, TOPIC_UNKNOWN; RETENTION_BUSY; ARCHIVE_INVALID or ARCHIVE_UNAVAILABLE: run it again then.
 */
export async function redact(ground: RedactGround, options: RedactOptions): Promise<RedactOutcome> {
  requireSought(options.sought);
  if (options.dryRun) return everywhere(ground, { id: uuidv7(), sought: options.sought, salt: randomBytes(32) }, options);
  requireAudit(ground.topology, options);
  return awaitTurn(ground.client, async () => {
    const redaction = await begin(ground, options);
    const outcome = { redaction: redaction.id, ...(await everywhere(ground, redaction, options)) };
    await complete(ground, options, redaction, outcome);
    return outcome;
  });
}

function auditTopicOf({ auditTopic = 'audit.logs' }: RedactOptions): string {
  return auditTopic;
}

function requireAudit({ topics }: Topology, options: RedactOptions): void {
  const name = auditTopicOf(options);
  const topic = topics[name];
  if (topic === undefined) {
    const declared = Object.keys(topics).join(', ');
    throw new MillraceError(
      'REDACTION_INVALID',
      `topic ${name} is not in the topology: name one for the events that tell of it with --audit-topic; declared are ${declared}`,
    );
  }
  if (!topic.tenantless && options.sought.tenant === undefined) {
    throw new MillraceError(
      'REDACTION_INVALID',
      `events of topic ${name} belong to a tenant: give --tenant too, or a topic without tenants with --audit-topic`,
    );
  }
}

/** One that was interrupted is taken up again. */
async function begin({ client, topology }: RedactGround, options: RedactOptions): Promise<Redaction> {
  const { sought, by, reason } = options;
  const open = await client.query<{ id: string; salt: Buffer }>(
    'select id, salt from millrace.redaction where completed_at is null and sought = $1::jsonb order by requested_at limit 1',
    [JSON.stringify(sought)],
  );
  if (open.rows[0] !== undefined) return { ...open.rows[0], sought };
  const redaction = { id: uuidv7(), sought, salt: randomBytes(32) };
  await inTransaction(client, async () => {
    await client.query('insert into millrace.redaction (id, requested_by, reason, sought, salt, done) values ($1, $2, $3, $4, $5, $6)', [
      ...[redaction.id, by, reason ?? null, JSON.stringify(sought), redaction.salt],
      JSON.stringify(await redactAside(client, redaction)),
    ]);
    await tell(client, topology, options, redaction, 'requested', { topics: sought.topics ?? null, reason: reason ?? null });
  });
  return redaction;
}

async function complete(
  { client, topology }: RedactGround,
  options: RedactOptions,
  redaction: Redaction,
  outcome: RedactOutcome,
): Promise<void> {
  await inTransaction(client, async () => {
    await client.query('update millrace.redaction set completed_at = clock_timestamp(), sought = null, salt = null where id = $1', [
      redaction.id,
    ]);
    await tell(client, topology, options, redaction, 'completed', { counts: outcome.counts, remains: outcome.remains });
  });
}

/** Says that a person was sought, not which: the event would keep what the redaction takes away. */
async function tell(
  client: ClientBase,
  topology: Topology,
  options: RedactOptions,
  { id, sought }: Redaction,
  what: 'requested' | 'completed',
  more: object,
): Promise<void> {
  const data = { redaction: id, actor: sought.actor !== undefined, subject: sought.subject !== undefined, ...more };
  const whose = sought.tenant === undefined ? {} : { tenantId: sought.tenant };
  const event = {
    topic: auditTopicOf(options),
    type: `millrace.redaction.${what}`,
    source: '/millrace/redact',
    key: id,
    subject: id,
    actorId: options.by,
  };
  await enqueue(client, [{ ...event, ...whose, data }], { topology });
}

async function inTransaction(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function everywhere(ground: RedactGround, redaction: Redaction, options: RedactOptions): Promise<PlaceOutcome> {
  const { client, binding, topology, archive } = ground;
  const { told = () => undefined, dryRun = false } = options;
  const outcomes: PlaceOutcome[] = [];
  outcomes.push(dryRun ? { counts: await countTables(client, redaction), remains: [] } : await redactLog(client, redaction, told));
  if (archive !== undefined) outcomes.push(await redactArchive(client, archive, redaction, told, dryRun));
  for (const name of binding.names) {
    const outcome = await redactService(binding, name, topology, redaction.sought, dryRun);
    for (const [place, events] of Object.entries(outcome.counts)) told(place, events);
    outcomes.push(outcome);
  }
  outcomes.push({ counts: {}, remains: beyondReach(topology, redaction.sought, new Date()) });
  return {
    counts: Object.assign({}, ...outcomes.map((outcome) => outcome.counts)) as Record<string, number>,
    remains: outcomes.flatMap((outcome) => outcome.remains),
  };
}

/** A server that fails does not stop the others: what it holds remains, and a second run finds it. */
async function redactService(
  binding: LoadedBinding,
  name: string,
  topology: Topology,
  sought: Sought,
  dryRun: boolean,
): Promise<PlaceOutcome> {
  const handle = binding.service(name as never);
  const { kind, role } = handle.service;
  const carries = Object.values(topology.topics).some((topic) => topic.transports.some((route) => route.service === name));
  try {
    if ((kind === 'redis' || kind === 'redis-sentinel') && role !== 'cache' && carries) {
      return await (await import('./redis.ts')).redactRedis(handle, topology, sought, dryRun);
    }
    if (kind === 'opensearch') return await (await import('./search.ts')).redactSearch(handle, topology, sought, dryRun);
  } catch (error) {
    const sentence = `not done: ${error instanceof Error ? error.message : String(error)}; run it again when that is mended`;
    return { counts: {}, remains: [{ where: name, sentence }] };
  }
  return { counts: {}, remains: [] };
}
