import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { loadBinding } from 'millrace/binding';
import { openBus } from 'millrace/bus';
import { connectPostgres, type PostgresConnection } from 'millrace/connections/postgres';
import { startRelay } from 'millrace/outbox/relay';
import { migrate } from 'millrace/schema';
import { openTasks } from 'millrace/tasks';
import { readTopology } from 'millrace/topology';
import { askForMail, documentOf, makeDocuments, sendMails } from './documents.ts';
import { writeInvoices, writeInvoicesAgain } from './invoices.ts';
import { placeOrders } from './orders.ts';

const usage = `Usage: npx tsx examples/event-tour/src/main.ts [--help]

Places orders, books them in batches from the event bus, has a task done and makes a call, on the servers of the binding that MILLRACE_BINDING names
(make up). Prints what happened, a line each; fails if it did not within 30 s.
`;

if (process.argv.includes('--help')) process.stdout.write(usage);
else await tour();

async function tour(): Promise<void> {
  const binding = await loadBinding();
  const topology = await readTopology(binding);
  await using database = await connectPostgres(binding.service('database', 'postgres'), { name: 'event-tour' });
  const client = await database.openClient('event-tour');
  await migrate(client);
  await client.query('drop schema if exists tour cascade; create schema tour');
  await client.query('create table tour.orders (id text, cents int); create table tour.invoices (order_id text, cents int, run text)');
  await using bus = openBus({ binding, topology });
  const { service } = topology.topics['orders.created']!.transports[0]!;
  // In a deployment this is a process of its own: millrace relay.
  await using _relay = startRelay({ openClient: database.openClient, transport: await bus.transport('orders.created'), topology, service });
  await using _replays = writeInvoicesAgain(database, topology);
  await writeInvoices(bus, database);

  const orders = Array.from({ length: 500 }, (_, n) => ({ id: randomUUID(), customer: `customer-${n % 20}`, cents: 100 + n }));
  await placeOrders(client, orders, 'acme');
  await until('500 invoices', async () => (await invoices(database, '')) === 500);
  say('500 orders were placed in one transaction, and booked in batches');

  await using tasks = await openTasks({ service: binding.service('tasks', 'rabbitmq'), topology });
  const mailed: string[] = [];
  await using _mails = await sendMails(tasks, async (to) => void mailed.push(to));
  await askForMail(tasks, 'somebody@example.com');
  await using _documents = await makeDocuments(tasks);
  say(`a call was answered: ${await documentOf(tasks, orders[0]!.id.slice(0, 8)).then((path) => path.replace(/\/[0-9a-f]{8}/, '/...'))}`);
  await until('the mail', async () => mailed.length === 1);
  say('a task was done a second after it was sent');
  await client.end();
}

async function invoices({ pool }: PostgresConnection, run: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('select count(distinct order_id)::int as count from tour.invoices where run = $1', [
    run,
  ]);
  return rows[0]!.count;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await isSo()); await pause(50)) {
    if (Date.now() > end) throw new Error(`${what} did not come within 30 s`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
