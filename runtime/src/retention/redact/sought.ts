import { createHash } from 'node:crypto';
import { MillraceError } from '../../contracts/errors.ts';
import type { ArchivedRow } from '../archive/row.ts';

/** Whose events are redacted: all that is given must hold. */
export interface Sought {
  readonly tenant?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  /** The key of the events, `partitionkey` on brokers. */
  readonly key?: string | undefined;
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

/** Source of the events that tell of redactions: with their types it keeps them from being redacted themselves. */
export const ownSource = '/millrace/redact';
export const ownTypes = 'millrace.redaction.';

/** What `redactedRow` and `sqlOf` put in place of a name, and only on a marked event: anybody may call a subject `redacted-...`. */
export const pseudonymPattern = '^redacted-[0-9a-f]{24}$';
const markerPattern = '^[0-9a-f-]{36}$';

/** The texts by which persons are found. */
const personal = ['subject', 'actor_id', 'key'] as const;
/** A source names a program; it goes only where it is the very text that is sought. */
const named = [...personal, 'source'] as const;
type Named = (typeof named)[number];

/** @throws {MillraceError} REDACTION_INVALID when nothing is sought, or an empty text. */
export function requireSought({ tenant, actor, subject, key }: Sought): void {
  const given = [tenant, actor, subject, key].filter((value) => value !== undefined);
  if (given.length === 0 || given.includes('')) {
    throw new MillraceError('REDACTION_INVALID', 'whose events: give --tenant, --actor, --subject or --key, or several of them');
  }
}

/** A text that stands for another: the same for the same text within one redaction, and of no use to find it. */
function pseudonym(value: string, salt: Buffer): string {
  return `redacted-${createHash('sha256').update(salt).update(value).digest('hex').slice(0, 24)}`;
}

/** Whether a tenant as a whole is sought: then every name of a person or thing in its events goes, otherwise only the texts that were sought. */
export function isWhole({ actor, subject, key }: Sought): boolean {
  return actor === undefined && subject === undefined && key === undefined;
}

/** Names of attributes as brokers and indices have them. */
export interface Attributes {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly tenantid?: string | undefined;
  readonly actorid?: string | undefined;
  readonly subject?: string | undefined;
  readonly partitionkey?: string | undefined;
}

/** Whether an event of `topic` is meant. */
export function matches({ tenant, actor, subject, key, topics }: Sought, topic: string, event: Attributes): boolean {
  if (event.type?.startsWith(ownTypes) && event.source === ownSource) return false;
  if (topics !== undefined && topics.length > 0 && !topics.includes(topic)) return false;
  const pairs = [
    [tenant, event.tenantid],
    [actor, event.actorid],
    [subject, event.subject],
    [key, event.partitionkey],
  ];
  return pairs.every(([wanted, found]) => wanted === undefined || wanted === found);
}

/** The row without what it said; undefined when it is not meant, or was done already. */
export function redactedRow(row: ArchivedRow, { id, sought, salt }: Redaction): ArchivedRow | undefined {
  const event = {
    ...{ type: row.type, source: row.source, tenantid: row.tenant_id ?? undefined, actorid: row.actor_id ?? undefined },
    ...{ subject: row.subject ?? undefined, partitionkey: row.key ?? undefined },
  };
  if (!matches(sought, row.topic, event)) return undefined;
  const wasMarked = isMarked(row);
  const names: Partial<Record<Named, string>> = {};
  for (const column of named) {
    const value = row[column];
    if (value !== null && goes(column, value, sought, wasMarked)) names[column] = pseudonym(value, salt);
  }
  if (wasMarked && Object.keys(names).length === 0) return undefined;
  return { ...row, ...names, data: null, datacontenttype: null, headers: JSON.stringify({ redacted: id }) };
}

/** Nothing of what it said is left, and nothing but the marker was put in its place: an extension `redacted` of a producer is none. */
function isMarked({ data, headers }: ArchivedRow): boolean {
  if (data !== null || headers === null) return false;
  const entries = Object.entries(JSON.parse(headers) as Record<string, unknown>);
  return entries.length === 1 && entries[0]![0] === 'redacted' && new RegExp(markerPattern).test(String(entries[0]![1]));
}

function goes(column: Named, value: string, sought: Sought, wasMarked: boolean): boolean {
  if (isWhole(sought)) return column !== 'source' && !(wasMarked && new RegExp(pseudonymPattern).test(value));
  return [sought.actor, sought.subject, sought.key].includes(value);
}

/** `pseudonym` as an expression of the database; `salt` is the parameter that holds it. */
export function pseudonymSql(text: string, salt: string): string {
  return `'redacted-' || left(encode(sha256(${salt}::bytea || convert_to(${text}, 'UTF8')), 'hex'), 24)`;
}

/** Whether a row of the log, or one that has its columns, was redacted: by this redaction or by another one. */
export const markedSql = `coalesce(data is null and headers = jsonb_build_object('redacted', headers->>'redacted') and headers->>'redacted' ~ '${markerPattern}', false)`;

/** Parts of statements that say the same in SQL; parameters $1 tenant, $2 actor, $3 subject, $4 topics, $5 id, $6 salt, $7 key. */
export function sqlOf({ sought, id, salt }: Redaction): { where: string; set: string; values: unknown[] } {
  const { tenant = null, actor = null, subject = null, key = null, topics } = sought;
  const columns = isWhole(sought) ? personal : named;
  const goesSql = (column: string): string =>
    isWhole(sought)
      ? `(${column} is not null and not (${markedSql} and ${column} ~ '${pseudonymPattern}'))`
      : `coalesce(${column} in ($2::text, $3::text, $7::text), false)`;
  const set = columns.map((column) => `${column} = case when ${goesSql(column)} then ${pseudonymSql(column, '$6')} else ${column} end`);
  return {
    where: `($1::text is null or tenant_id = $1) and ($2::text is null or actor_id = $2) and ($3::text is null or subject = $3)
      and ($7::text is null or key = $7) and ($4::text[] is null or topic = any($4)) and $5::text is not null and $6::bytea is not null
      and not (type like '${ownTypes}%' and source = '${ownSource}') and not (${markedSql} and not (${columns.map(goesSql).join(' or ')}))`,
    set: `data = null, datacontenttype = null, headers = jsonb_build_object('redacted', $5::text), ${set.join(', ')}`,
    values: [tenant, actor, subject, topics?.length ? topics : null, id, salt, key],
  };
}
