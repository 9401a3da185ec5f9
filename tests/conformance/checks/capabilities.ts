import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { Delivery, Transport } from '../../../runtime/src/transport.ts';
import { type Check, type Ground, must, mustEqual } from '../check.ts';
import { disorderIn, eventsOf } from '../events.ts';
import { group } from '../ground.ts';
import { outcomes, publishAll, recorder, refusal } from '../recorder.ts';

const groups: Check = {
  name: 'groups',
  title: 'each of two groups gets every event',
  capability: 'groups',
  topics: { events: { shards: 2, partitions: 2, consumers: [{ group }, { group: 'other' }] } },
  async run(ground) {
    const transport = await ground.open();
    const [got, other] = [recorder(), recorder()];
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await transport.subscribe(ground.topic(), { group: ground.group('other') }, other.handler);
    const events = eventsOf(40, { keys: 8 });
    await publishAll(transport, ground.topic(), events);
    await ground.eventually('all events were delivered to somebody', () => new Set([...got.ids(), ...other.ids()]).size === events.length);
    if (transport.capabilities.groups) {
      await got.has(ground, events);
      await other.has(ground, events);
    } else {
      const until = Date.now() + 2_000; // one group may be a little behind the other
      const inBoth = (): string[] => got.ids().filter((id) => other.ids().includes(id));
      await ground.eventually('both have had time to get what they get', () => inBoth().length > 0 || Date.now() > until);
      const both = inBoth();
      must(both.length === 0, `a driver that declares no groups must deliver each event once in all, but ${both[0]} went to both`);
    }
  },
};

async function readAll(events: AsyncIterable<Delivery>): Promise<MillraceEvent[]> {
  const read: MillraceEvent[] = [];
  for await (const { event } of events) read.push(event);
  return read;
}

/** Two lots of events with a moment between them. */
async function publishLots(ground: Ground, transport: Transport): Promise<{ lots: MillraceEvent[][]; positions: string[]; between: Date }> {
  const lots = [eventsOf(20, { keys: 4 }), eventsOf(20, { keys: 4, from: 21 })];
  const positions = await publishAll(transport, ground.topic(), lots[0]!);
  const before = Date.now();
  await ground.eventually('the clock has gone on', () => Date.now() > before + 20);
  const between = new Date();
  await ground.eventually('the clock has gone on', () => Date.now() > between.getTime() + 20);
  positions.push(...(await publishAll(transport, ground.topic(), lots[1]!)));
  return { lots, positions, between };
}

const idsOf = (events: readonly MillraceEvent[]): string[] => events.map(({ id }) => id);

const history: Check = {
  name: 'history',
  title: 'keeps events after they were handled: to be read from the beginning, a position or a time, without touching a group',
  capability: 'history',
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const [topic, { read }] = [ground.topic(), transport];
    must(
      (read !== undefined) === transport.capabilities.history && (transport.startGroup !== undefined) === transport.capabilities.history,
      'a driver must have read and startGroup exactly when it declares history',
    );
    await transport.subscribe(topic, { group: ground.group() }, got.handler);
    const { lots, positions, between } = await publishLots(ground, transport);
    const all = lots.flat();
    await got.has(ground, all);
    if (read === undefined) return;
    const fromPosition = await readAll(read.call(transport, topic, { from: positions[12]! }));
    mustEqual(idsOf(await readAll(read.call(transport, topic, { from: 'earliest' }))), idsOf(all), 'what is read from the beginning');
    mustEqual(idsOf(fromPosition), idsOf(all.slice(12)), 'what is read from the position of event-13');
    mustEqual(idsOf(await readAll(read.call(transport, topic, { from: between }))), idsOf(lots[1]!), 'what is read from a time');
    mustEqual(got.ids(), idsOf(all), 'what the group got');
  },
};

const startGroup: Check = {
  name: 'start',
  title: 'a group without consumer begins where it is told to: at the first event, at a time, or behind the last',
  capability: 'history',
  async run(ground) {
    const [transport, topic] = [await ground.open(), ground.topic()];
    const { lots, between } = await publishLots(ground, transport);
    const published = lots.flat();
    for (const from of ['latest', between, 'earliest'] as const) {
      if (!transport.capabilities.history) {
        must(transport.startGroup === undefined, 'a driver without history must have no startGroup');
        return;
      }
      await transport.startGroup!(topic, ground.group(), from);
      const next = eventsOf(1, { from: published.length + 1 });
      const wanted = [...(from === 'latest' ? [] : from === 'earliest' ? published : published.slice(20)), ...next];
      const got = recorder();
      const subscription = await transport.subscribe(topic, { group: ground.group() }, got.handler);
      await publishAll(transport, topic, next);
      published.push(...next);
      await got.has(ground, wanted);
      mustEqual(idsOf(got.deliveries.map(({ event }) => event)), idsOf(wanted), `what a group got that was started at ${String(from)}`);
      await subscription.close();
    }
  },
};

const delay: Check = {
  name: 'delay',
  title: 'a delayed event comes no sooner than it may, behind what was published meanwhile; without the capability it is refused',
  capability: 'delay',
  async run(ground) {
    const transport = await ground.open();
    // Long enough for the others to be confirmed and delivered first, by a broker that is busy.
    const delayMs = transport.capabilities.delay ? 5_000 : 1_200;
    const arrivedAt = new Map<string, number>();
    const got = recorder(async ({ id }) => {
      arrivedAt.set(id, performance.now());
    });
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const [late, early] = [eventsOf(2), eventsOf(2, { from: 3 })];
    const sentAt = performance.now();
    const results = await outcomes(transport, ground.topic(), late, { delayMs });
    await publishAll(transport, ground.topic(), early);
    await got.has(ground, early);
    if (transport.capabilities.delay) {
      mustEqual(results, ['published', 'published'], 'publishing with a delay');
      await got.has(ground, late);
      const waited = arrivedAt.get('event-1')! - sentAt;
      must(waited >= delayMs, `an event delayed by ${delayMs} ms must not come sooner, but came after ${Math.round(waited)} ms`);
      mustEqual(got.ids(), [...idsOf(early), ...idsOf(late)], 'the order in which delayed and other events came');
    } else {
      mustEqual(results, ['DELAY_UNSUPPORTED', 'DELAY_UNSUPPORTED'], 'publishing with a delay, by a driver that declares none,');
      mustEqual(got.ids(), idsOf(early), 'what came of an event that was refused and another');
    }
  },
};

const fencing: Check = {
  name: 'fence',
  title: 'the broker itself refuses a publisher of an older epoch, or takes its events when fencing is not declared',
  capability: 'fencing',
  async run(ground) {
    const [older, newer, got] = [await ground.open(), await ground.open(), recorder()];
    const publish = async (by: Transport, epoch: bigint, from: number): Promise<string> => {
      await by.incarnation();
      return (await outcomes(by, ground.topic(), eventsOf(1, { from }), { fence: { producer: 'log-1', epoch } }))[0]!;
    };
    await newer.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const results = [await publish(older, 1n, 1), await publish(newer, 2n, 2), await publish(older, 1n, 3), await publish(newer, 2n, 4)];
    const { fencing: declared } = newer.capabilities;
    mustEqual(
      results,
      ['published', 'published', declared ? 'RELAY_FENCED' : 'published', 'published'],
      'what became of epochs 1, 2, 1, 2',
    );
    await got.has(ground, eventsOf(1, { from: 4 }));
    mustEqual(got.ids(), declared ? ['event-1', 'event-2', 'event-4'] : ['event-1', 'event-2', 'event-3', 'event-4'], 'what came of them');
  },
};

const blocking: Check = {
  name: 'block',
  title:
    'with `block` the later events of a key wait behind one that was given up until it is redriven or dropped; else subscribing is refused',
  capability: 'blocking',
  topics: { events: { onExhausted: 'block', retry: { attempts: 2, initialDelayMs: 20, maxDelayMs: 100 } } },
  async run(ground) {
    const [transport, topic] = [await ground.open(), ground.topic()];
    const poisonous = new Set(['event-3', 'event-4']); // of key-0 and key-1
    const handled: MillraceEvent[] = [];
    const got = recorder(async (event) => {
      if (poisonous.has(event.id)) throw new Error('no luck');
      handled.push(event);
    });
    const subscribed = transport.subscribe(topic, { group: ground.group(), concurrency: 4 }, got.handler);
    if (!transport.capabilities.blocking) {
      mustEqual([await refusal(subscribed)], ['SUBSCRIPTION_INVALID'], 'subscribing to a topic that blocks, by a driver that cannot,');
      return;
    }
    await subscribed;
    const events = eventsOf(18, { keys: 3 });
    await publishAll(transport, topic, events);
    const of = (key: string) => idsOf(handled.filter(({ partitionkey }) => partitionkey === key));
    const dead = async () => {
      const letters = [];
      for await (const letter of transport.deadLetters(topic, ground.group()).list()) letters.push(letter);
      return letters.sort((a, b) => Number(a.event?.sequence) - Number(b.event?.sequence));
    };
    await ground.eventually('both poisonous events are dead letters', async () => (await dead()).length === 2);
    await ground.eventually('the third key is done', () => of('key-2').length === 6);
    const [first, second] = await dead();
    mustEqual([first!.blocking, second!.blocking], [true, true], 'whether the dead letters block');
    mustEqual([of('key-0'), of('key-1')], [[], ['event-1']], 'what was handled of the keys that are blocked');
    mustEqual([await transport.deadLetters(topic, ground.group()).drop([first!.id])], [1], 'how many were dropped');
    await ground.eventually('the key goes on without the event that was dropped', () => of('key-0').length === 5);
    poisonous.clear();
    mustEqual([await transport.deadLetters(topic, ground.group()).redrive([second!.id])], [1], 'how many were redriven');
    await ground.eventually('the key goes on with the event that was redriven', () => of('key-1').length === 6);
    const disorder = disorderIn(handled);
    must(disorder === undefined, `keys must keep their order after they were blocked, but ${disorder}`);
    must(!idsOf(handled).includes('event-3'), 'an event that was dropped must not be delivered again');
    await ground.eventually('no dead letter is left', async () => (await dead()).length === 0);
  },
};

export const capabilityChecks: readonly Check[] = [groups, history, startGroup, delay, fencing, blocking];
