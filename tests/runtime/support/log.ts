import { Client, type QueryResultRow } from 'pg';
import { enqueue, type NewEvent } from '../../../runtime/src/outbox/enqueue.ts';
import { migrate } from '../../../runtime/src/schema/migrate.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestPostgres } from '../../support/servers.ts';

/** A database with an outbox, and the connections that a test has opened to it. */
export interface TestLog {
  readonly url: string;
  readonly database: string;
  /** A connection of its own; ended with the log at the latest. */
  open(name?: string): Promise<Client>;
  /** Rows of a statement on a connection kept for looking around. */
  rows<R extends QueryResultRow = QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  /** Ends every connection that was opened here. */
  close(): Promise<void>;
}

/** The sink's row as the tests look at it. */
export interface SinkRow {
  readonly low: number;
  readonly done: string;
  readonly version: number;
  readonly epoch: string;
  readonly holder: string | null;
  readonly incarnation: string | null;
  readonly marks: readonly (readonly [number, number])[];
}

export async function openLog(postgres: TestPostgres): Promise<TestLog> {
  const log = logAt(await postgres.createDatabase());
  const client = await log.open();
  await migrate(client);
  await client.end();
  return log;
}

/** The log at an address, which may lead through a pooler or to another server. */
export function logAt({ url, database }: { url: string; database: string }): TestLog {
  const clients = new Set<Client>();
  const open = async (name = 'test'): Promise<Client> => {
    const client = new Client({ connectionString: url, application_name: name, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    client.once('end', () => clients.delete(client));
    await client.connect();
    clients.add(client);
    return client;
  };
  let looking: Promise<Client> | undefined;
  return {
    url,
    database,
    open,
    async rows<R extends QueryResultRow>(sql: string, values: unknown[] = []) {
      looking ??= open('looking around');
      try {
        return (await (await looking).query<R>(sql, values)).rows;
      } catch (error) {
        if (!('severity' in (error as object))) looking = undefined;
        throw error;
      }
    },
    async close() {
      await Promise.allSettled([...clients].map((client) => client.end()));
    },
  };
}

/** The log wherever it is now: follows a fail-over as clients with a new address do. */
export function following(current: () => TestLog): TestLog {
  return {
    get url() {
      return current().url;
    },
    get database() {
      return current().database;
    },
    open: (name) => current().open(name),
    rows: (sql, values) => current().rows(sql, values),
    close: () => current().close(),
  };
}

/** Commits each list of events in a transaction of its own. */
export async function commitEach(log: TestLog, ...lists: (readonly NewEvent[])[]): Promise<void> {
  const client = await log.open('writer');
  for (const events of lists) {
    await client.query('begin');
    await enqueue(client, events);
    await client.query('commit');
  }
  await client.end();
}

/** A transaction that a test steers step by step. */
export interface OpenTransaction {
  readonly client: Client;
  enqueue(...events: NewEvent[]): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export async function begin(log: TestLog): Promise<OpenTransaction> {
  const client = await log.open('writer');
  await client.query('begin');
  const end = async (sql: string): Promise<void> => {
    await client.query(sql);
    await client.end();
  };
  return {
    client,
    enqueue: async (...events) => void (await enqueue(client, events)),
    commit: () => end('commit'),
    rollback: () => end('rollback'),
  };
}

/** An event of topic `t` that says which it is: the `n`-th of its key. */
export function event(key: string, n = 0, more: Partial<NewEvent> = {}): NewEvent {
  return { topic: 't', type: 'happened', source: '/test', key, data: { n }, ...more };
}

export async function sinkRow(log: TestLog, name = 'redis-streams@events'): Promise<SinkRow | undefined> {
  const [row] = await log.rows('select * from millrace.sink where name = $1', [name]);
  return row === undefined ? undefined : ({ ...row, low: Number(row.low), version: Number(row.version) } as SinkRow);
}

/** Waits until everything that was drawn so far is done for the sink, in the database. */
export async function drained(log: TestLog, timeoutMs = 15_000, name = 'redis-streams@events'): Promise<void> {
  await eventually(
    async () => {
      const [row] = await log.rows<{ done: boolean }>(
        `select low >= coalesce((select max(id) from millrace.outbox), 0) as done from millrace.sink where name = $1`,
        [name],
      );
      return row?.done;
    },
    { timeoutMs, what: 'the sink has done the whole log' },
  );
}
