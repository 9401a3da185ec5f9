import type { MillraceEvent } from '../contracts/event.ts';
import type { RawRow, Session } from './session.ts';

/** A row of the log. */
export interface LogRow {
  readonly id: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly event: MillraceEvent;
}

/** What one statement saw, in one snapshot. */
export interface Page {
  /** Rows that have appeared in the gaps, ascending; all of them lie below those of `rows`. */
  readonly late: readonly LogRow[];
  /** Rows above the cursor, ascending. Empty when `truncated`: they must not overtake late rows that are still unread. */
  readonly rows: readonly LogRow[];
  /** The gaps hold more than one page. */
  readonly truncated: boolean;
  /** There may be more rows above at once. */
  readonly full: boolean;
  readonly xmin: bigint;
  /** Seconds since 1970; changes with every start of the server, which a pooler can hide. */
  readonly postmasterStart: string;
}

/** The columns of `toRow`, in its order. Formats are ours: a database may have its own `datestyle` and `bytea_output`. */
export const columns = `o.id, o.topic, o.key, o.event_id, o.type, o.source, o.subject, o.tenant_id, o.actor_id, o.datacontenttype,
  to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(o.data, 'hex'), o.headers`;

/** A page ends with the event that reaches this many bytes of data, so that large events do not fill the memory of the relay. */
export const pageBytes = 4 * 1024 * 1024;

/** Bytes of data in the rows before; `octet_length` knows the size without reading what is stored out of line. */
export const bytesBefore = `sum(coalesce(octet_length(o.data), 0)) over (order by o.id rows unbounded preceding)
  - coalesce(octet_length(o.data), 0) as before`;

/**
 * Three parts in one statement and so in one snapshot: its bounds, the rows that appeared in gaps, the rows above the cursor.
 * A first row of bounds costs less than two more columns on each of a thousand rows.
 */
const pageSql = `
select null::bigint, pg_snapshot_xmin(pg_current_snapshot())::text, extract(epoch from pg_postmaster_start_time())::text,
  null::uuid, null, null, null, null, null, null, null, null, null::jsonb
union all
(select ${columns} from (select o.*, ${bytesBefore} from (
  select late.* from unnest($2::bigint[], $3::bigint[]) as gap(lower, upper)
  cross join lateral (select * from millrace.outbox o where o.id >= gap.lower and o.id < gap.upper order by o.id limit $4) as late limit $4) o) o
  where before < ${pageBytes} order by o.id)
union all
(select ${columns} from (select o.*, ${bytesBefore} from (
  select * from millrace.outbox o where o.id > $1 order by o.id limit $4) o) o where before < ${pageBytes} order by o.id)`;

/** Reads pages of the log. */
export class LogReader {
  readonly #session: Session;
  readonly #limit: number;

  constructor(session: Session, limit: number) {
    this.#session = session;
    this.#limit = limit;
  }

  async read(high: number, gaps: readonly { from: number; to: number }[]): Promise<Page> {
    const values = [high, gaps.map((gap) => gap.from), gaps.map((gap) => gap.to), this.#limit];
    const rows = await this.#session.raw('page', pageSql, values);
    const [bounds, ...events] = rows;
    const late: LogRow[] = [];
    const above: LogRow[] = [];
    for (const raw of events) {
      const row = toRow(raw);
      (row.id > high ? above : late).push(row);
    }
    const truncated = this.#isFull(late);
    return {
      late: late.sort(byId),
      rows: truncated ? [] : above.sort(byId),
      truncated,
      full: this.#isFull(above),
      xmin: BigInt(bounds![1]!),
      postmasterStart: bounds![2]!,
    };
  }

  /** Whether the statement may have cut the rows off. */
  #isFull(rows: readonly LogRow[]): boolean {
    return rows.length >= this.#limit || rows.reduce((sum, { event }) => sum + (event.data?.byteLength ?? 0), 0) >= pageBytes;
  }
}

/** Sorting what is sorted costs a few microseconds a page and frees us from how the planner appends. */
function byId(a: LogRow, b: LogRow): number {
  return a.id - b.id;
}

export function toRow(raw: RawRow): LogRow {
  const [id, topic, key, eventId, type, source, subject, tenantId, actorId, contentType, createdAt, data, headers] = raw;
  const event: Mutable<MillraceEvent> = {
    id: eventId!,
    source: source!,
    type: type!,
    time: createdAt!,
    sequence: id!,
  };
  if (key !== null) event.partitionkey = key!;
  if (subject !== null) event.subject = subject!;
  if (tenantId !== null) event.tenantid = tenantId!;
  // Who names no actor has acted itself: an audit of a tenant's events finds one on each.
  if (actorId !== null) event.actorid = actorId!;
  else if (tenantId !== null) event.actorid = source!;
  if (contentType !== null) event.datacontenttype = contentType!;
  if (data !== null) event.data = Buffer.from(data!, 'hex');
  if (headers !== null) addHeaders(event, JSON.parse(headers!) as Record<string, unknown>);
  return { id: Number(id), topic: topic!, key: key ?? undefined, event };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Attributes are texts on every wire; writers in SQL may have put numbers. */
function addHeaders(event: Mutable<MillraceEvent>, headers: Record<string, unknown>): void {
  const texts = Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  const { dataschema, traceparent, tracestate, ...extensions } = Object.fromEntries(texts) as Record<string, string>;
  if (dataschema !== undefined) event.dataschema = dataschema;
  if (traceparent !== undefined) event.traceparent = traceparent;
  if (tracestate !== undefined) event.tracestate = tracestate;
  if (Object.keys(extensions).length > 0) event.extensions = extensions;
}
