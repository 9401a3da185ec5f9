import { bytesBefore, columns, type LogRow, pageBytes, toRow } from '../outbox/log.ts';
import type { Session } from '../outbox/session.ts';
import type { Claim } from './claims.ts';

/** Which events a replay means. */
export type Selection = Pick<Claim, 'topic' | 'tenant' | 'key' | 'fromTime' | 'toTime'>;

/** What `selected` compares, in the order of `selectionOf`, from parameter `first` on. */
export function selected(first: number): string {
  const [topic, tenant, key, from, to] = [0, 1, 2, 3, 4].map((n) => `$${first + n}`);
  return `o.topic = ${topic} and (${tenant}::text is null or o.tenant_id = ${tenant}) and (${key}::text is null or o.key = ${key})
    and (${from}::timestamptz is null or o.created_at >= ${from}) and (${to}::timestamptz is null or o.created_at < ${to})`;
}

export function selectionOf({ topic, tenant, key, fromTime, toTime }: Selection): (string | null)[] {
  return [topic, tenant, key, fromTime, toTime].map((value) => value ?? null);
}

/** Ids that a statement looks at: a tenant may have few events, and a statement must end before the lease does. */
const spans = { first: 20_000, least: 1_000, most: 1_000_000 } as const;

const pageSql = `select ${columns} from (select o.*, ${bytesBefore} from (
  select * from millrace.outbox o where o.id > $1 and o.id <= $2 and ${selected(4)} order by o.id limit $3) o) o
  where before < ${pageBytes} order by o.id`;

const someSql = `select ${columns} from millrace.outbox o where o.id = any($1::bigint[]) order by o.id`;

/** Asked after a page: partitions leave the log from the oldest on, and take with them what was to be read. */
const coveredSql = `select coalesce(sum(least(to_id - 1, $2) - greatest(from_id, $1 + 1) + 1), 0)::text as covered
  from millrace.outbox_partitions() where not detaching and from_id <= $2 and to_id > $1 + 1`;

export interface ReplayPage {
  readonly rows: readonly LogRow[];
  /** Every event of the selection up to here is in `rows`, or was read before. */
  readonly readTo: number;
  /** Whether the log still had all ids that were read. */
  readonly whole: boolean;
}

/** Reads the events of a replay in the order of the log. */
export class ReplayReader {
  readonly #session: Session;
  readonly #selection: Selection;
  #span: number = spans.first;

  constructor(session: Session, selection: Selection) {
    this.#session = session;
    this.#selection = selection;
  }

  /** @param limit rows at most. @param to the last id that may be read, itself included. */
  async read(after: number, to: number, limit: number): Promise<ReplayPage> {
    const end = Math.min(to, after + this.#span);
    const raw = await this.#session.raw('replay_page', pageSql, [after, end, limit, ...selectionOf(this.#selection)]);
    const [coverage] = await this.#session.rows<{ covered: string }>('replay_covered', coveredSql, [after, end]);
    const rows = raw.map(toRow);
    const bytes = rows.reduce((sum, { event }) => sum + (event.data?.byteLength ?? 0), 0);
    const cut = rows.length >= limit || bytes >= pageBytes;
    if (cut) this.#span = Math.max(spans.least, this.#span / 2);
    else if (rows.length < limit / 2) this.#span = Math.min(spans.most, this.#span * 2);
    return { rows, readTo: cut ? rows.at(-1)!.id : end, whole: Number(coverage!.covered) === end - after };
  }

  /** Events that were read before and left, in the order of the log. */
  async readAgain(ids: readonly number[]): Promise<readonly LogRow[]> {
    return (await this.#session.raw('replay_again', someSql, [ids])).map(toRow);
  }
}
