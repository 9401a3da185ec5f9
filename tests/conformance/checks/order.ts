import { setTimeout as pause } from 'node:timers/promises';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { Handler } from '../../../runtime/src/transport.ts';
import { type Check, must } from '../check.ts';
import { disorderIn, eventsOf } from '../events.ts';
import { publishAll, recorder } from '../recorder.ts';

/** A handler that takes its time, and sees whether another has an event of the same key in hand. */
function oneAtATime(): { readonly handler: Handler; readonly overlaps: string[] } {
  const [busy, overlaps] = [new Map<string, string>(), [] as string[]];
  return {
    overlaps,
    async handler({ id, partitionkey = id }, { signal }) {
      const other = busy.get(partitionkey);
      if (other !== undefined) overlaps.push(`${id} began while ${other} of the same key was handled`);
      busy.set(partitionkey, id);
      await pause(Math.random() * 3);
      if (!signal.aborted) busy.delete(partitionkey);
    },
  };
}

const order: Check = {
  name: 'order',
  title: 'events of one key are handled one after the other in the order they were published, by several consumers with many handlers',
  capability: 'order',
  topics: { events: { shards: 4, partitions: 4 } },
  async run(ground) {
    const [publisher, ...consumers] = await Promise.all([ground.open(), ground.open(), ground.open(), ground.open()]);
    const { handler, overlaps } = oneAtATime();
    const got = recorder(handler);
    await Promise.all(
      consumers.map((consumer) => consumer.subscribe(ground.topic(), { group: ground.group(), concurrency: 4 }, got.handler)),
    );
    const events: MillraceEvent[] = [];
    for (let wave = 0; wave < 12; wave++) {
      const next = eventsOf(48, { keys: 16, from: wave * 48 + 1 });
      events.push(...next);
      await publishAll(publisher!, ground.topic(), next);
    }
    await got.has(ground, events);
    if (publisher!.capabilities.order === 'none') return;
    const disorder = disorderIn(got.deliveries.map(({ event }) => event));
    must(disorder === undefined, `keys must keep their order, but ${disorder}`);
    must(overlaps.length === 0, `events of a key must come one after the other, but ${overlaps[0]}`);
  },
};

const keysApart: Check = {
  name: 'apart',
  title: 'a key whose event takes long does not keep other keys from being handled',
  async run(ground) {
    const transport = await ground.open();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const got = recorder((event) => (event.id === 'event-1' ? held : Promise.resolve()));
    await transport.subscribe(ground.topic(), { group: ground.group(), concurrency: 2 }, got.handler);
    const events = eventsOf(20, { keys: 2 });
    await publishAll(transport, ground.topic(), events);
    const [slow, others] = [events.filter((_, index) => index % 2 === 0), events.filter((_, index) => index % 2 === 1)];
    await got.has(ground, others);
    const early = got.ids().filter((id) => id !== 'event-1' && slow.some((event) => event.id === id));
    must(early.length === 0, `later events of a key must wait for the one in hand, but ${early[0]} did not`);
    release();
    await got.has(ground, events);
  },
};

export const orderChecks: readonly Check[] = [order, keysApart];
