import { setTimeout as pause } from 'node:timers/promises';
import { nowMs, openJournal } from '../../../../../examples/order-service/src/journal.ts';
import { loadBinding } from '../../../../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../../../../runtime/src/connections/postgres/index.ts';
import { jsonData, type MillraceEvent } from '../../../../../runtime/src/contracts/event.ts';
import { once } from '../../../../../runtime/src/inbox/index.ts';
import { startReplays } from '../../../../../runtime/src/replay/index.ts';
import { readTopology } from '../../../../../runtime/src/topology/index.ts';
import type { Delivery } from '../../../../../runtime/src/transport.ts';
import { openTransport } from '../../../../../runtime/src/transports/open.ts';
import type { Kind, Owed } from '../evidence.ts';
import type { ConsumerSettings, PointCommand } from './settings.ts';
import { asked, createPoints, onCommands, patiently } from './steering.mts';

/** A member of consumer groups whose effects are rows, and which keeps a history of its deliveries. */
const { name, service, owed, replayed, concurrency, maxUnhandled, slowMs } = JSON.parse(process.argv[2]!) as ConsumerSettings;
const journal = openJournal();
const points = createPoints(journal);
onCommands<PointCommand>((command) => points.command(command));

const effectSql = 'insert into effect (grp, id, amount) values ($1, $2, $3)';

async function effect(event: MillraceEvent, delivery: Delivery, group: string): Promise<void> {
  const { kind, amount } = jsonData<{ kind: Kind; amount: number }>(event)!;
  if (kind === 'kills') process.kill(process.pid, 'SIGKILL');
  if (kind === 'throws' || (kind === 'flaky' && delivery.attempt === 1)) throw new Error(`${kind}, as it was asked to`);
  if (kind === 'slow') await pause(slowMs);
  await points.reach('before-effect');
  const taken = await once(database.pool, group, delivery, async (client) => {
    await client.query(effectSql, [group, event.id, amount]);
  });
  journal(taken, nowMs(), event.id, group);
  await points.reach('after-effect');
}

async function handle(event: MillraceEvent, delivery: Delivery, { group, tenant = '' }: Owed): Promise<void> {
  journal('delivered', nowMs(), event.id, group, tenant, String(delivery.attempt));
  try {
    await effect(event, delivery, group);
  } catch (error) {
    journal('failed', nowMs(), event.id, group, String(error));
    throw error;
  }
}

const say = (level: string) => (details: object, message: string) =>
  void process.stdout.write(`${level} ${message} ${JSON.stringify(details)}\n`);
const logger = { info: say('info'), warn: say('warn'), error: say('error') };
const binding = await loadBinding();
const topology = await readTopology(binding);
const database = await patiently(() => connectPostgres(binding.service('database', 'postgres'), { name, onError: () => undefined }));
const options = { service: binding.service(service), topology, consumerName: name, maxUnhandled, logger, drainMs: 5_000 };
const transport = await patiently(() => openTransport(options));
for (const each of owed) {
  const { group, topic, tenant } = each;
  const bound = tenant === undefined ? {} : { tenant };
  const listen = () => transport.subscribe(topic, { group, concurrency, ...bound }, (event, delivery) => handle(event, delivery, each));
  await patiently(listen);
}
/** What a replay brings is noted: its effects would be those of the live events once more. What was missed has none yet. */
async function again(event: MillraceEvent, delivery: Delivery): Promise<void> {
  if (delivery.run !== '') return journal('replayed', nowMs(), event.id);
  const { group } = replayed;
  const taken = await once(database.pool, group, delivery, async (client) => {
    await client.query(effectSql, [group, event.id, jsonData<{ amount: number }>(event)!.amount]);
  });
  if (taken === 'new') journal('repaired', nowMs(), event.id, group);
}
const replays = startReplays({
  ...{ openClient: (client) => database.openClient(client), topology, group: replayed.group, consumerName: name, pollMs: 200, logger },
  handlers: { [replayed.topic]: { handler: again } },
});
journal('ready', nowMs());
await asked();
await replays.close();
await transport.close();
await database.close();
process.exit(0);
