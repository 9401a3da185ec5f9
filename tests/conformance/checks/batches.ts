import type { BatchHandler, Delivery } from '../../../runtime/src/transport.ts';
import { type Check, must, mustEqual } from '../check.ts';
import { disorderIn, eventsOf } from '../events.ts';
import { publishAll } from '../recorder.ts';
import { deadLetters } from './dead-letters.ts';

const maxBatch = 7;

const batches: Check = {
  name: 'batches',
  title: 'a batch handler gets several events at once, never more than it asks for, each key in order',
  async run(ground) {
    const transport = await ground.open();
    const events = eventsOf(90, { keys: 4 });
    await publishAll(transport, ground.topic(), events);
    const got: (readonly Delivery[])[] = [];
    await transport.subscribeBatches(ground.topic(), { group: ground.group(), maxBatch }, async (deliveries) => void got.push(deliveries));
    await ground.eventually('all events were delivered', () => got.flat().length >= events.length);
    const sizes = got.map(({ length }) => length);
    must(Math.max(...sizes) <= maxBatch, `a batch must have at most ${maxBatch} events, got ${Math.max(...sizes)}`);
    must(Math.max(...sizes) > 1 && Math.min(...sizes) > 0, `batches must have several events where many wait, got ${sizes.join(' ')}`);
    const disorder = disorderIn(got.flat().map(({ event }) => event));
    must(disorder === undefined, `keys must keep their order within and between batches, but ${disorder}`);
    const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).sort();
    mustEqual(ids(got.flat().map(({ event }) => event)), ids(events), 'what was delivered');
    await ground.eventually('the group is done', async () => (await transport.lag(ground.topic(), ground.group())).pending === 0);
  },
};

const failingBatch: Check = {
  name: 'poison',
  title: 'of a batch that fails each event is delivered by itself, so that only the one that fails is given up',
  async run(ground) {
    const transport = await ground.open();
    const events = eventsOf(20, { keys: 2 });
    await publishAll(transport, ground.topic(), events);
    const [handled, failed]: [string[], string[][]] = [[], []];
    // Which events come together is the broker's to say.
    let poisoned: string | undefined;
    const handler: BatchHandler = async (deliveries) => {
      const ids = deliveries.map(({ event }) => event.id);
      if (ids.length > 1) poisoned ??= ids.at(-1);
      if (poisoned !== undefined && ids.includes(poisoned)) {
        failed.push(ids);
        throw new Error('no luck');
      }
      handled.push(...ids);
    };
    await transport.subscribeBatches(ground.topic(), { group: ground.group(), maxBatch: 20 }, handler);
    await ground.eventually('the other 19 events were handled', () => handled.length >= 19);
    const [letter] = await ground.eventually('there is a dead letter', async () => {
      const letters = await deadLetters(transport, ground.topic(), ground.group());
      return letters.length > 0 && letters;
    });
    mustEqual([letter!.event?.id], [poisoned], 'what was given up');
    mustEqual(
      failed.slice(1).filter(({ length }) => length > 1),
      [],
      'batches with the failing event, after the first',
    );
    const wanted = events.map(({ id }) => id).filter((id) => id !== poisoned);
    mustEqual([...handled].sort(), wanted.sort(), 'what was handled');
  },
};

export const batchChecks: readonly Check[] = [batches, failingBatch];
