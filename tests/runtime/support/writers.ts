import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { enqueue } from '../../../runtime/src/outbox/enqueue.ts';
import { event, type TestLog } from './log.ts';

/** Writers that keep a ledger of what they have committed beside the events, in the same transactions. */
export interface Writers {
  readonly stats: { committed: number; rolledBack: number; failed: number };
  /** Lets the transactions in hand end. */
  stop(): Promise<void>;
}

export interface WriterOptions {
  readonly count?: number;
  /** Pause after each transaction. @default 0 */
  readonly pauseMs?: number;
  /** One writer that ends its transactions by two-phase commit. */
  readonly prepared?: boolean;
  /** One writer that leaves each transaction open for this long. */
  readonly openMs?: number;
}

export const ledgerSql = 'create table ledger (key text, n integer, primary key (key, n))';

/** Names `key#n` of everything that was committed. */
export async function ledger(log: TestLog): Promise<string[]> {
  return (await log.rows<{ name: string }>("select key || '#' || n as name from ledger")).map((row) => row.name);
}

/** Starts writers on tables that `ledgerSql` has made. A lost connection costs the transaction; what became of it is read from the ledger. */
export function startWriters(log: TestLog, { count = 8, pauseMs = 0, prepared = false, openMs }: WriterOptions = {}): Writers {
  const stats = { committed: 0, rolledBack: 0, failed: 0 };
  const stopping = new AbortController();
  const running = [
    ...Array.from({ length: count }, (_, i) => `w${i}`),
    ...(prepared ? ['prepared'] : []),
    ...(openMs === undefined ? [] : ['open']),
  ].map((name) => write({ log, name, stats, pauseMs, openMs: name === 'open' ? openMs : undefined }, stopping.signal));
  return {
    stats,
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

interface Writer {
  readonly log: TestLog;
  readonly name: string;
  readonly stats: Writers['stats'];
  readonly pauseMs: number;
  readonly openMs: number | undefined;
}

async function write(writer: Writer, stop: AbortSignal): Promise<void> {
  let client: Client | undefined;
  while (!stop.aborted) {
    try {
      client ??= await writer.log.open('writer');
      await transaction(writer, client);
      if (writer.pauseMs > 0) await delay(writer.pauseMs);
    } catch {
      writer.stats.failed++;
      await client?.end().catch(() => undefined);
      client = undefined;
      await delay(20);
    }
  }
  await client?.end().catch(() => undefined);
}

async function transaction({ log, name, stats, openMs }: Writer, client: Client): Promise<void> {
  const key = `${name}-${Math.floor(Math.random() * 40)}`;
  await client.query('begin');
  const { rows } = await client.query<{ next: number }>('select coalesce(max(n) + 1, 0) as next from ledger where key = $1', [key]);
  const first = rows[0]!.next;
  const events = 1 + Math.floor(Math.random() * 3);
  for (let i = 0; i < events; i++) {
    if (Math.random() < 0.3) await client.query('savepoint s');
    await enqueue(client, [event(key, first + i)]);
    await client.query('insert into ledger values ($1, $2)', [key, first + i]);
    if (Math.random() < 0.1) await undone(client, key);
  }
  if (Math.random() < 0.05) await delay(Math.random() * 300);
  if (openMs !== undefined) await delay(openMs);
  const commits = Math.random() >= 0.2;
  await (name === 'prepared' ? twoPhase(log, client, commits) : client.query(commits ? 'commit' : 'rollback'));
  stats[commits ? 'committed' : 'rolledBack'] += events;
}

/** An event of a part of the transaction that is rolled back to a savepoint. */
async function undone(client: Client, key: string): Promise<void> {
  await client.query('savepoint undone');
  await enqueue(client, [event(key, 1_000_000)]);
  await client.query('rollback to undone');
}

async function twoPhase(log: TestLog, client: Client, commits: boolean): Promise<void> {
  await client.query(`prepare transaction '${log.database}'`);
  await delay(Math.random() * 500);
  await client.query(`${commits ? 'commit' : 'rollback'} prepared '${log.database}'`);
}
