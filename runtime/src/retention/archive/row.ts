import type { ClientBase } from 'pg';

/** A row of the log with every column as the database has it; times are texts with microseconds, `headers` is the text of the JSON. */
export interface ArchivedRow {
  readonly id: string;
  readonly event_id: string;
  readonly topic: string;
  readonly key: string | null;
  readonly type: string;
  readonly source: string;
  readonly subject: string | null;
  readonly tenant_id: string | null;
  readonly actor_id: string | null;
  readonly data: Buffer | null;
  readonly datacontenttype: string | null;
  readonly headers: string | null;
  readonly created_at: string;
}

/** A page ends with the row that reaches this many bytes of data: a row may have 16 MiB. */
const pageBytes = 8 * 1024 * 1024;
const pageRows = 5_000;

const columns = `id, event_id, topic, key, type, source, subject, tenant_id, actor_id, data, datacontenttype, headers::text as headers,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at`;

/** Rows of one partition in the order of their ids, page by page. */
export async function* rowsOf(client: ClientBase, partition: string): AsyncGenerator<readonly ArchivedRow[]> {
  const table = `millrace.${client.escapeIdentifier(partition)}`;
  const sql = `select ${columns} from (
      select *, sum(coalesce(octet_length(data), 0)) over (order by id rows unbounded preceding) - coalesce(octet_length(data), 0) as before
        from (select * from ${table} where id > $1 order by id limit ${pageRows}) as ahead) as page
    where before < ${pageBytes} order by id`;
  for (let after = '0'; ; ) {
    const { rows } = await client.query<ArchivedRow>(sql, [after]);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)!.id;
  }
}

/** Adds rows to a table like the log; those that are there already stay. */
export async function insertRows(client: ClientBase, table: string, rows: readonly ArchivedRow[]): Promise<void> {
  const names = [
    'id',
    'event_id',
    'topic',
    'key',
    'type',
    'source',
    'subject',
    'tenant_id',
    'actor_id',
    'data',
    'datacontenttype',
    'headers',
  ];
  const all = [...names, 'created_at'] as (keyof ArchivedRow)[];
  const types = ['bigint', 'uuid', ...Array.from({ length: 7 }, () => 'text'), 'bytea', 'text', 'jsonb', 'timestamptz'];
  await client.query(
    `insert into millrace.${client.escapeIdentifier(table)} (${all.join(', ')})
       select * from unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) on conflict do nothing`,
    all.map((name) => rows.map((row) => row[name])),
  );
}
