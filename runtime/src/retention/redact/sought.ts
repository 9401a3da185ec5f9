import { createHash } from 'node:crypto';
import { MillraceError } from '../../contracts/errors.ts';
import type { ArchivedRow } from '../archive/row.ts';

/** Whose events are redacted: all that is given must hold. */
export interface Sought {
  readonly tenant?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  /** Only events of these topics. @default all */
  readonly topics?: readonly string[] | undefined;
}

/** One redaction while it runs. */
export interface Redaction {
  /** UUIDv7; the marker that stays on every event: extension attribute `redacted`. */
  readonly id: string;
  readonly sought: Sought;
  /** Of the pseudonyms; thrown away in the end, so that nobody can try values against them. */
  readonly salt: Buffer;
}

/** Types of the events that tell of redactions: they are not redacted themselves. */
const ownTypes = 'millrace.redaction.';

/** The texts by which persons are found. */
const personal = ['subject', 'actor_id', 'key'] as const;
type Personal = (typeof personal)[number];

/** @throws {MillraceError} REDACTION_INVALID when nothing is sought, or an empty text. */
export function requireSought({ tenant, actor, subject }: Sought): void {
  const given = [tenant, actor, subject].filter((value) => value !== undefined);
  if (given.length === 0 || given.includes('')) {
    throw new MillraceError('REDACTION_INVALID', 'whose events: give --tenant, --actor or --subject, or several of them');
  }
}

/** A text that stands for another: the same for the same text within one redaction, and of no use to find it. */
function pseudonym(value: string, salt: Buffer): string {
  return `redacted-${createHash('sha256').update(salt).update(value).digest('hex').slice(0, 24)}`;
}

/** Whether a tenant as a whole is sought: then every name of a person or thing in its events goes, otherwise only the texts that were sought. */
function isWhole({ actor, subject }: Sought): boolean {
  return actor === undefined && subject === undefined;
}

/** Names of attributes as brokers and indices have them. */
export interface Attributes {
  readonly type?: string | undefined;
  readonly tenantid?: string | undefined;
  readonly actorid?: string | undefined;
  readonly subject?: string | undefined;
}

/** Whether an event of `topic` is meant. */
export function matches({ tenant, actor, subject, topics }: Sought, topic: string, event: Attributes): boolean {
  if (event.type?.startsWith(ownTypes)) return false;
  if (topics !== undefined && topics.length > 0 && !topics.includes(topic)) return false;
  const pairs = [
    [tenant, event.tenantid],
    [actor, event.actorid],
    [subject, event.subject],
  ];
  return pairs.every(([wanted, found]) => wanted === undefined || wanted === found);
}

/** The row without what it said; undefined when it is not meant, or was done already. */
export function redactedRow(row: ArchivedRow, { id, sought, salt }: Redaction): ArchivedRow | undefined {
  const event = {
    type: row.type,
    tenantid: row.tenant_id ?? undefined,
    actorid: row.actor_id ?? undefined,
    subject: row.subject ?? undefined,
  };
  if (!matches(sought, row.topic, event)) return undefined;
  const names: Partial<Record<Personal, string>> = {};
  for (const column of personal) {
    const value = row[column];
    if (value !== null && goes(value, sought)) names[column] = pseudonym(value, salt);
  }
  const isDone = row.data === null && row.headers?.includes('"redacted"') === true && Object.keys(names).length === 0;
  return isDone ? undefined : { ...row, ...names, data: null, datacontenttype: null, headers: JSON.stringify({ redacted: id }) };
}

function goes(value: string, sought: Sought): boolean {
  if (isWhole(sought)) return !value.startsWith('redacted-');
  return value === sought.actor || value === sought.subject;
}

/** Parts of statements that say the same in SQL; parameters $1 tenant, $2 actor, $3 subject, $4 topics, $5 id, $6 salt. */
export function sqlOf(sought: Sought, id: string, salt: Buffer): { where: string; set: string; values: unknown[] } {
  const goesSql = (column: string): string =>
    isWhole(sought) ? `${column} not like 'redacted-%'` : `(${column} = $2::text or ${column} = $3::text)`;
  const done = `data is null and headers ? 'redacted' and not coalesce(${personal.map((column) => `coalesce(${goesSql(column)}, false)`).join(' or ')}, false)`;
  const set = personal.map(
    (column) =>
      `${column} = case when ${goesSql(column)} then 'redacted-' || left(encode(sha256($6::bytea || convert_to(${column}, 'UTF8')), 'hex'), 24) else ${column} end`,
  );
  return {
    where: `($1::text is null or tenant_id = $1) and ($2::text is null or actor_id = $2) and ($3::text is null or subject = $3)
      and ($4::text[] is null or topic = any($4)) and $5::text is not null and $6::bytea is not null
      and type not like '${ownTypes}%' and not coalesce(${done}, false)`,
    set: `data = null, datacontenttype = null, headers = jsonb_build_object('redacted', $5::text), ${set.join(', ')}`,
    values: [sought.tenant ?? null, sought.actor ?? null, sought.subject ?? null, sought.topics?.length ? sought.topics : null, id, salt],
  };
}
