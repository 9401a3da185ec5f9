import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { nowMs, openJournal } from '../../../../../examples/order-service/src/journal.ts';
import { loadBinding } from '../../../../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../../../../runtime/src/connections/postgres/index.ts';
import { enqueue } from '../../../../../runtime/src/outbox/enqueue.ts';
import { seededRandom } from '../../../../support/random.ts';
import type { Kind } from '../evidence.ts';
import type { Draft, WriterCommand, WriterSettings } from './settings.ts';
import { asked, onCommands, patiently } from './steering.mts';

/**
 * Writes events and their ledger in the same transactions, of which a fifth is rolled back and some sleep before they end. A lost connection costs the
 * transaction; what became of it is read from the ledger.
 */
const { seed, perSecond, keys, shares } = JSON.parse(process.argv[2]!) as WriterSettings;
const transactionsAtOnce = 4;
const tenants = ['north', 'south'];
const journal = openJournal();
const random = seededRandom(seed);
const pick = (count: number): number => Math.floor(random() * count);

const binding = await loadBinding();
const database = await patiently(() =>
  connectPostgres(binding.service('database', 'postgres'), { name: 'writer', onError: () => undefined }),
);

function note(what: string, ids: readonly string[], atMs = nowMs()): void {
  for (const id of ids) journal(what, atMs, id);
}

/** The number is counted on a row of the key, so that it follows the order of commits whatever the outbox does. */
const countSql = `insert into aggregate as a (key, n) values ($1, 1) on conflict (key) do update set n = a.n + 1 returning n`;
const ledgerSql = 'insert into ledger (id, topic, key, n, tenant, amount, kind) values ($1, $2, $3, $4, $5, $6, $7)';

async function write(client: Client, { topic, key, tenant, kind }: Draft): Promise<string> {
  const { rows } = await client.query<{ n: number }>(countSql, [key]);
  const n = rows[0]!.n;
  const amount = 1 + pick(100);
  const [id] = await enqueue(client, [{ topic, key, tenantId: tenant, type: 'happened', source: '/faults', data: { n, amount, kind } }]);
  journal('enqueued', nowMs(), id!, topic, key, String(n), tenant, String(amount), kind);
  await client.query(ledgerSql, [id, topic, key, n, tenant, amount, kind]);
  return id!;
}

function draft(): Draft {
  const tenant = tenants[pick(tenants.length)]!;
  const kind = kindOf(random());
  const topic = kind === 'throws' || kind === 'kills' ? 'fragile' : random() < 0.8 ? 'orders' : 'views';
  return { topic, tenant, kind, key: `${topic}-${tenant}-${pick(keys)}` };
}

function kindOf(chance: number): Kind {
  let upTo = 0;
  for (const [kind, share] of Object.entries(shares) as [Kind, number][]) {
    upTo += share;
    if (chance < upTo) return kind;
  }
  return 'plain';
}

/** Keys are locked in one order, so that writers do not deadlock. */
function drafts(): Draft[] {
  return Array.from({ length: 1 + pick(3) }, draft).sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function transaction(client: Client): Promise<void> {
  const ids: string[] = [];
  await client.query('begin');
  for (const each of drafts()) {
    const undone = random() < 0.1;
    if (undone) await client.query('savepoint undone');
    const id = await write(client, each);
    if (undone) await client.query('rollback to undone');
    else ids.push(id);
  }
  if (random() < 0.1) await pause(random() * 300);
  const commits = random() >= 0.2;
  const sentMs = nowMs();
  const { command } = await client.query(commits ? 'commit' : 'rollback');
  note(command === 'COMMIT' ? 'committed' : 'rolled-back', ids, sentMs);
}

let ending = false;
async function writeOn(): Promise<void> {
  let client: Client | undefined;
  while (!ending) {
    const startedMs = performance.now();
    try {
      client ??= (await database.openClient()).on('error', () => undefined);
      await transaction(client);
    } catch (error) {
      journal('broken', nowMs(), String(error));
      await client?.end().catch(() => undefined);
      client = undefined;
      await pause(50);
    }
    await pause(Math.max(0, (1_000 * transactionsAtOnce) / perSecond - (performance.now() - startedMs)));
  }
}

const open = new Map<string, { client: Client; ids: string[] }>();

async function obey(command: WriterCommand): Promise<void> {
  const name = command.as;
  if (command.do === 'write') {
    const client = open.get(name)?.client ?? (await database.openClient());
    if (!open.has(name)) await client.query('begin');
    const entry = open.get(name) ?? { client, ids: [] };
    open.set(name, entry);
    for (const each of command.events) entry.ids.push(await write(client, each));
  } else {
    const { client, ids } = open.get(name)!;
    open.delete(name);
    const sentMs = nowMs();
    await client.query(command.do);
    note(command.do === 'commit' ? 'committed' : 'rolled-back', ids, sentMs);
    await client.end();
  }
  journal('obeyed', nowMs(), command.do, name);
}

let obeying = Promise.resolve();
onCommands<WriterCommand>((command) => {
  obeying = obeying.then(() => obey(command));
});
journal('ready', nowMs());
const running = perSecond === 0 ? [] : Array.from({ length: transactionsAtOnce }, writeOn);
await asked();
ending = true;
await Promise.all(running);
await database.close();
process.exit(0);
