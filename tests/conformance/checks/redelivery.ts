import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from '../../../runtime/src/transport.ts';
import { type Check, must, mustEqual } from '../check.ts';
import { eventsOf } from '../events.ts';
import { publishAll, recorder } from '../recorder.ts';

const attempts: Check = {
  name: 'attempts',
  title: 'an event whose handler throws comes again with its attempts counted, while only its key waits',
  async run(ground) {
    const transport = await ground.open();
    const got = recorder(async ({ id }, { attempt }) => {
      if (id === 'event-3' && attempt < 3) throw new Error('not yet');
    });
    await transport.subscribe(ground.topic(), { group: ground.group(), concurrency: 4 }, got.handler);
    const events = eventsOf(12, { keys: 2 });
    await publishAll(transport, ground.topic(), events);
    await got.has(ground, events);
    const of = (key: string) => got.deliveries.filter(({ event }) => event.partitionkey === key);
    const seen = of('key-1').map(({ event: { id }, attempt, redelivered }) => `${id} ${attempt}${redelivered ? ' again' : ''}`);
    const expected = ['event-1 1', 'event-3 1', 'event-3 2 again', 'event-3 3 again', 'event-5 1', 'event-7 1', 'event-9 1', 'event-11 1'];
    mustEqual(seen, expected, 'the deliveries of a key with an event that fails twice');
    mustEqual(
      of('key-0').map(({ attempt }) => attempt),
      [1, 1, 1, 1, 1, 1],
      'the attempts of the other key',
    );
  },
};

const handedOn: Check = {
  name: 'redelivery',
  title: 'what a consumer has not acknowledged when it ends comes again, to another one',
  capability: 'redelivery',
  async run(ground) {
    const [first, second] = [await ground.open({ drainMs: 100 }), await ground.open()];
    const stuck = recorder(async ({ id }, { signal }) => {
      if (id === 'event-2' && !signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    });
    await first.subscribe(ground.topic(), { group: ground.group() }, stuck.handler);
    const events = eventsOf(6);
    await publishAll(first, ground.topic(), events);
    await stuck.has(ground, events.slice(0, 2));
    await first.close();
    const got = recorder();
    await second.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    if (!second.capabilities.redelivery) {
      await got.has(ground, events.slice(2));
      must(!got.ids().includes('event-2'), 'a driver that declares no redelivery must not deliver again, but it did');
      return;
    }
    await got.has(ground, events.slice(1));
    const ids = got.ids().slice(got.ids().indexOf('event-2'));
    mustEqual(
      ids,
      events.slice(1).map(({ id }) => id),
      'what the second consumer got from the unfinished event on',
    );
  },
};

const notAgain: Check = {
  name: 'acknowledged',
  title: 'what was handled does not come again, also not to a later consumer of the group',
  topics: { events: { shards: 2, partitions: 2 } },
  async run(ground) {
    const [first, second] = [await ground.open(), await ground.open()];
    const [before, after] = [recorder(), recorder()];
    const [events, later] = [eventsOf(40, { keys: 8 }), eventsOf(16, { keys: 8, from: 41 })];
    await first.subscribe(ground.topic(), { group: ground.group(), concurrency: 4 }, before.handler);
    await publishAll(first, ground.topic(), events);
    await before.has(ground, events);
    await first.close();
    await second.subscribe(ground.topic(), { group: ground.group(), concurrency: 4 }, after.handler);
    await publishAll(second, ground.topic(), later);
    await after.has(ground, later);
    mustEqual(after.ids().sort(), later.map(({ id }) => id).sort(), 'what the second consumer got');
  },
};

const inFlight: Check = {
  name: 'drain',
  title: 'close waits for a handler that is running, whose event is acknowledged, and begins nothing further',
  async run(ground) {
    const [first, second] = [await ground.open(), await ground.open()];
    let ended = false;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const got = recorder(async () => {
      await held;
      await pause(50);
      ended = true;
    });
    const subscription = await first.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const events = eventsOf(3);
    await publishAll(first, ground.topic(), events);
    await got.has(ground, events.slice(0, 1));
    const closing = subscription.close();
    release();
    await closing;
    must(ended, 'close must wait for the handler that is running');
    mustEqual(got.ids(), ['event-1'], 'what was begun before and while closing');
    const rest = recorder();
    await second.subscribe(ground.topic(), { group: ground.group() }, rest.handler);
    await rest.has(ground, events.slice(1));
    mustEqual(rest.ids(), ['event-2', 'event-3'], 'what was left for the next consumer');
  },
};

const signal: Check = {
  name: 'signal',
  title: 'closing aborts the signal of a delivery whose handler does not end in time, and not before',
  async run(ground) {
    const transport = await ground.open({ drainMs: 300 });
    let delivery: Delivery | undefined;
    const got = recorder(async (_event, given) => {
      delivery = given;
      if (!given.signal.aborted) await once(given.signal, 'abort');
    });
    const subscription = await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await publishAll(transport, ground.topic(), eventsOf(1));
    await got.has(ground, eventsOf(1));
    must(delivery?.signal.aborted === false, 'the signal of a delivery must not be aborted while its handler may run');
    const closing = subscription.close();
    await ground.eventually('the signal of the delivery is aborted', () => delivery?.signal.aborted);
    await closing;
  },
};

const longHandler: Check = {
  name: 'long',
  title: 'an event whose handler takes longer than leases and heartbeats is not given to another consumer meanwhile',
  async run(ground) {
    const got = recorder(() => pause(6_000));
    // What the first has may be for the second, who has just come: a handler that runs has its time then.
    const patient = { drainMs: 20_000 };
    const [first, second] = [await ground.open(patient), await ground.open(patient)];
    await first.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await second.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const events = eventsOf(2, { keys: 2 });
    await publishAll(first, ground.topic(), events.slice(0, 1));
    await got.has(ground, events.slice(0, 1));
    await ground.eventually('the handler has ended', async () => (await first.lag(ground.topic(), ground.group())).pending === 0);
    await publishAll(first, ground.topic(), events.slice(1));
    await got.has(ground, events);
    mustEqual(got.ids(), ['event-1', 'event-2'], 'what two consumers got');
  },
};

export const redeliveryChecks: readonly Check[] = [attempts, handedOn, notAgain, inFlight, signal, longHandler];
