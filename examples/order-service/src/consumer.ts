import { loadBinding } from 'millrace/binding';
import { openBus } from 'millrace/bus';
import { connectPostgres } from 'millrace/connections/postgres';
import type { MillraceEvent } from 'millrace/contracts/event';
import { once } from 'millrace/inbox';
import { readTopology } from 'millrace/topology';
import type { ClientBase } from 'pg';
import { journaled } from './journal.ts';
import { stopSignal } from './stop-signal.ts';

/** What a consumer does with an event, in the transaction that also notes the event in the inbox. */
export type Effect = (client: ClientBase, event: MillraceEvent) => Promise<void>;

/**
 * Applies effects, by topic, as one member of a consumer group until the process is told to stop.
 *
 * @param apply how an effect is applied. @default once per event id
 */
export async function runConsumer(group: string, effects: Readonly<Record<string, Effect>>, apply: typeof once = once): Promise<void> {
  const stop = stopSignal();
  const takeIn = journaled(apply);
  const binding = await loadBinding();
  await using database = await connectPostgres(binding.service('database', 'postgres'), { name: group });
  await using bus = openBus({ binding, topology: await readTopology(binding) });
  for (const [topic, effect] of Object.entries(effects)) {
    await bus.subscribe(topic, { group, concurrency: 8 }, async (_event, delivery) => {
      await takeIn(database.pool, group, delivery, effect);
    });
  }
  await stop;
}
