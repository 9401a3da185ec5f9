import { type Check, must, mustEqual } from '../check.ts';
import { eventsOf } from '../events.ts';
import { group } from '../ground.ts';
import { outcomes, publishAll, recorder, refusal } from '../recorder.ts';

const spread = { events: { shards: 2, partitions: 3 } };

const allDelivered: Check = {
  name: 'all',
  title: 'delivers every event once when nothing goes wrong, and gives each a position of its own',
  topics: spread,
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    await transport.subscribe(ground.topic(), { group: ground.group(), concurrency: 8 }, got.handler);
    const events = eventsOf(300, { keys: 20 });
    const positions: string[] = [];
    for (let from = 0; from < events.length; from += 60) {
      positions.push(...(await publishAll(transport, ground.topic(), events.slice(from, from + 60))));
    }
    await got.has(ground, events);
    mustEqual(got.ids().sort(), events.map(({ id }) => id).sort(), 'what was delivered');
    const byId = new Map(events.map(({ id }, index) => [id, positions[index]]));
    const elsewhere = got.deliveries.filter(({ event, position }) => byId.get(event.id) !== position);
    must(elsewhere.length === 0, `a delivery must tell the position that publishing gave, got ${elsewhere[0]?.position} for another`);
  },
};

const beforeAndAfter: Check = {
  name: 'before',
  title: 'a group receives what was published before its first consumer came, and after',
  topics: spread,
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const [before, after] = [eventsOf(30, { keys: 5 }), eventsOf(30, { keys: 5, from: 31 })];
    await publishAll(transport, ground.topic(), before);
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await publishAll(transport, ground.topic(), after);
    await got.has(ground, [...before, ...after]);
  },
};

const concurrentPublish: Check = {
  name: 'publishers',
  title: 'several transports publish at once, each several times over, and nothing is lost or changes its order',
  topics: spread,
  async run(ground) {
    const got = recorder();
    const [reader, ...publishers] = await Promise.all([ground.open(), ground.open(), ground.open(), ground.open()]);
    await reader!.subscribe(ground.topic(), { group: ground.group(), concurrency: 8 }, got.handler);
    const events = publishers.map((_, who) => eventsOf(80, { from: who * 80 + 1, partitionkey: `publisher-${who}` }));
    await Promise.all(
      publishers.map(async (publisher, who) => {
        const halves = [events[who]!.slice(0, 40), events[who]!.slice(40)];
        await Promise.all(halves.map((half) => publishAll(publisher, ground.topic(), half)));
      }),
    );
    await got.has(ground, events.flat());
    for (const [who, own] of events.entries()) {
      const ids = got.ids().filter((id) => own.some((event) => event.id === id));
      mustEqual(
        ids,
        own.map(({ id }) => id),
        `what publisher ${who} has published, in its order,`,
      );
    }
  },
};

const refusedHoldsKey: Check = {
  name: 'refused',
  title: 'after an event that is refused nothing of its key is published, and other keys are',
  topics: { events: { maxBytes: 1_000 } },
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const events = eventsOf(12, { keys: 3 });
    const tooLarge = { ...events[4]!, data: new Uint8Array(1_001) };
    const sent = events.with(4, tooLarge);
    const results = await outcomes(transport, ground.topic(), sent);
    const expected = sent.map(({ partitionkey }, index) =>
      index === 4 ? 'EVENT_TOO_LARGE' : index > 4 && partitionkey === tooLarge.partitionkey ? 'PUBLISH_FAILED' : 'published',
    );
    mustEqual(results, expected, 'the results of a batch with an event that is too large');
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const published = events.filter((_, index) => expected[index] === 'published');
    const last = eventsOf(1, { from: 99, partitionkey: tooLarge.partitionkey! });
    await publishAll(transport, ground.topic(), last);
    await got.has(ground, [...published, ...last]);
    mustEqual(got.ids().sort(), [...published, ...last].map(({ id }) => id).sort(), 'what was delivered');
  },
};

const twoTopics: Check = {
  name: 'topics',
  title: 'the consumers of a group may read several topics, and each gets its share of each',
  topics: { first: { shards: 2, partitions: 3 }, second: { shards: 2, partitions: 2 } },
  async run(ground) {
    const [transports, got] = [await Promise.all([ground.open(), ground.open()]), { first: recorder(), second: recorder() }];
    const [events, later] = [eventsOf(30, { keys: 10 }), eventsOf(30, { keys: 10, from: 31 })];
    for (const name of ['first', 'second'] as const) {
      for (const transport of transports) await transport.subscribe(ground.topic(name), { group: ground.group() }, got[name].handler);
      await publishAll(transports[0]!, ground.topic(name), events);
    }
    await got.first.has(ground, events);
    await got.second.has(ground, events);
    await transports[0]!.close();
    for (const name of ['first', 'second'] as const) {
      await publishAll(transports[1]!, ground.topic(name), later);
      await got[name].has(ground, later);
    }
  },
};

const unknownTopic: Check = {
  name: 'unknown',
  title: 'a topic that is not routed here is refused, and everything after close is',
  async run(ground) {
    const [transport, { handler }] = [await ground.open(), recorder()];
    mustEqual(await outcomes(transport, 'nowhere', eventsOf(2)), ['TOPIC_UNKNOWN', 'TOPIC_UNKNOWN'], 'publishing to an unknown topic');
    mustEqual(
      [await refusal(transport.subscribe('nowhere', { group: ground.group() }, handler))],
      ['TOPIC_UNKNOWN'],
      'subscribing to an unknown topic',
    );
    await transport.close();
    mustEqual(
      [await refusal(transport.subscribe(ground.topic(), { group: ground.group() }, handler))],
      ['CONNECTION_CLOSED'],
      'subscribing with a closed transport',
    );
  },
};

const alive: Check = {
  name: 'alive',
  title: 'answers a ping, and stays the same incarnation while nothing is forgotten',
  async run(ground) {
    const [transport, other] = [await ground.open(), await ground.open()];
    const before = await transport.incarnation();
    await transport.ping(AbortSignal.timeout(ground.patienceMs));
    await publishAll(transport, ground.topic(), eventsOf(1));
    mustEqual([await transport.incarnation(), await other.incarnation()], [before, before], 'the incarnation, asked again and by another,');
    const aborted = await refusal(transport.ping(AbortSignal.abort(new Error('aborted'))));
    must(aborted !== 'nothing', 'a ping whose signal was aborted must reject');
  },
};

const abortedPublish: Check = {
  name: 'abort',
  title: 'publishing under an aborted signal fails what was not sent, retriably, and the broker never sees it',
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const [aborted, later] = [eventsOf(5), eventsOf(5, { from: 6 })];
    const results = await transport.publish(ground.topic(), aborted, { signal: AbortSignal.abort(new Error('shutting down')) });
    const states = results.map((result) => (result.status === 'failed' && result.retriable ? 'failed, retriable' : result.status));
    mustEqual(states, new Array(5).fill('failed, retriable'), 'the results under an aborted signal');
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await publishAll(transport, ground.topic(), later);
    await got.has(ground, later);
    mustEqual(
      got.ids(),
      later.map(({ id }) => id),
      'what was delivered after an aborted call and a good one',
    );
  },
};

const lag: Check = {
  name: 'lag',
  title:
    'tells how far a group is behind: one without consumer by everything, one at work by what it has in hand, one that is done by nothing',
  topics: { events: { shards: 2, partitions: 3, consumers: [{ group }, { group: 'absent' }] } },
  async run(ground) {
    const [transport, topic] = [await ground.open(), ground.topic()];
    const lagOf = async (name: string) => Object.values(await transport.lag(topic, name)).reduce((sum, count) => sum + count, 0);
    await publishAll(transport, topic, eventsOf(30, { keys: 30 }));
    await ground.eventually(
      'the lag of both groups is 30',
      async () => (await lagOf(ground.group('absent'))) === 30 && (await lagOf(ground.group())) === 30,
    );
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const got = recorder((event) => (event.id === 'event-7' ? held : Promise.resolve()));
    await transport.subscribe(topic, { group: ground.group(), concurrency: 30 }, got.handler);
    await got.has(ground, eventsOf(30));
    await ground.eventually('one event is pending', async () => (await transport.lag(topic, ground.group())).pending >= 1);
    release();
    await ground.eventually('nothing is left', async () => (await lagOf(ground.group())) === 0);
    mustEqual([await lagOf(ground.group('absent'))], [30], 'the lag of the group without consumer');
  },
};

export const deliveryChecks: readonly Check[] = [
  ...[allDelivered, beforeAndAfter, concurrentPublish, refusedHoldsKey, twoTopics],
  ...[unknownTopic, alive, abortedPublish, lag],
];
