import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { DeadLetter } from '../../../runtime/src/dead-letters.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { type Check, type Ground, must, mustEqual } from '../check.ts';
import { eventsOf } from '../events.ts';
import { group } from '../ground.ts';
import { publishAll, recorder } from '../recorder.ts';
import { fullEvent, mustBeWhole } from './payloads.ts';

export async function deadLetters(transport: Transport, topic: string, group: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of transport.deadLetters(topic, group).list()) letters.push(letter);
  return letters;
}

function waitForDead(ground: Ground, transport: Transport, count: number): Promise<DeadLetter[]> {
  return ground.eventually(`there are ${count} dead letters`, async () => {
    const letters = await deadLetters(transport, ground.topic(), ground.group());
    return letters.length === count && letters;
  });
}

const poisonOf = (id: string): MillraceEvent => ({ ...fullEvent, id });

const setAside: Check = {
  name: 'dead',
  title: 'an event that has failed its last attempt is kept whole, with the history of its errors, and its key goes on',
  async run(ground) {
    const [transport, poison] = [await ground.open({ consumerName: 'worker-7' }), poisonOf('poison')];
    let tried = 0;
    const got = recorder(async ({ id }) => {
      if (id === poison.id) throw new Error(`no luck ${++tried}`);
    });
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    const later = eventsOf(3, { partitionkey: poison.partitionkey! });
    const [position] = await publishAll(transport, ground.topic(), [poison, ...later]);
    await got.has(ground, later);
    mustEqual(got.ids(), ['poison', 'poison', 'poison', 'event-1', 'event-2', 'event-3'], 'what was delivered');
    const [letter] = await waitForDead(ground, transport, 1);
    const { event, failures, at } = letter!;
    mustEqual(
      [letter!.topic, letter!.group, letter!.position, letter!.blocking],
      [ground.topic(), ground.group(), position, false],
      'the dead letter',
    );
    mustEqual(
      failures.map(({ attempt, message, consumer }) => [attempt, message, consumer]),
      [1, 2, 3].map((attempt) => [attempt, `no luck ${attempt}`, 'worker-7']),
      'the history of errors',
    );
    const timely = (time: string | undefined) => Math.abs(Date.parse(time ?? '') - Date.now()) < 60_000;
    must(
      timely(at) && failures.every((failure) => timely(failure.at)),
      `a dead letter must tell when it failed, got ${at} and ${failures[0]?.at}`,
    );
    must(event !== undefined, 'a dead letter must have its event');
    mustBeWhole(event, poison);
  },
};

const redriven: Check = {
  name: 'redrive',
  title: 'a dead letter is redriven to its group alone with its attempts counted anew, or dropped for good; each is told',
  topics: { events: { consumers: [{ group }, { group: 'other' }] } },
  async run(ground) {
    const transport = await ground.open();
    let broken = true;
    const got = recorder(async ({ id }) => {
      if (broken && id.startsWith('poison')) throw new Error('no luck');
    });
    const other = recorder();
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await transport.subscribe(ground.topic(), { group: ground.group('other') }, other.handler);
    const poisons = [poisonOf('poison-1'), poisonOf('poison-2'), poisonOf('poison-3')];
    await publishAll(transport, ground.topic(), poisons);
    const letters = await waitForDead(ground, transport, 3);
    mustEqual(
      letters.map(({ event }) => event?.id),
      ['poison-1', 'poison-2', 'poison-3'],
      'the dead letters, oldest first,',
    );
    broken = false;
    const dead = transport.deadLetters(ground.topic(), ground.group());
    mustEqual([await dead.drop([letters[0]!.id])], [1], 'how many were dropped');
    mustEqual([await dead.drop([letters[0]!.id])], [0], 'how many were dropped again');
    mustEqual([await dead.redrive([letters[2]!.id, letters[1]!.id])], [2], 'how many were redriven');
    await ground.eventually('both redriven events were delivered again', () => got.deliveries.length >= 11);
    mustEqual([await dead.redrive([letters[1]!.id])], [0], 'how many were redriven again');
    const last = eventsOf(1, { partitionkey: poisons[0]!.partitionkey! });
    await publishAll(transport, ground.topic(), last);
    await got.has(ground, last);
    await other.has(ground, last);
    const again = got.deliveries.slice(9).map(({ event: { id }, attempt }) => `${id} ${attempt}`);
    mustEqual(again.sort(), ['event-1 1', 'poison-2 1', 'poison-3 1'], 'what the group got after redriving');
    mustEqual(other.ids(), ['poison-1', 'poison-2', 'poison-3', 'event-1'], 'what the other group got');
    await waitForDead(ground, transport, 0);
    mustEqual([(await deadLetters(transport, ground.topic(), ground.group('other'))).length], [0], 'the dead letters of the other group');
  },
};

const rejected: Check = {
  name: 'rejected',
  title: 'an event that a handler rejects for good is set aside at the first attempt',
  async run(ground) {
    const transport = await ground.open();
    const got = recorder(async ({ id }) => {
      if (id === 'event-1') throw new MillraceError('EVENT_REJECTED', 'no such order');
    });
    await transport.subscribe(ground.topic(), { group: ground.group() }, got.handler);
    await publishAll(transport, ground.topic(), eventsOf(2));
    await got.has(ground, eventsOf(2));
    mustEqual(got.ids(), ['event-1', 'event-2'], 'what was delivered');
    const [letter] = await waitForDead(ground, transport, 1);
    mustEqual(
      [letter!.event?.id, letter!.failures.length, letter!.failures[0]?.message],
      ['event-1', 1, 'no such order'],
      'the dead letter',
    );
  },
};

const options: Check = {
  name: 'options',
  title: 'a subscription may say other attempts than its topic, and that nothing is kept',
  async run(ground) {
    const transport = await ground.open();
    const got = recorder(async ({ id }) => {
      if (id === 'event-1') throw new Error('no luck');
    });
    await transport.subscribe(ground.topic(), { group: ground.group(), retry: { attempts: 2 }, deadLetter: false }, got.handler);
    await publishAll(transport, ground.topic(), eventsOf(2));
    await got.has(ground, eventsOf(2));
    mustEqual(got.ids(), ['event-1', 'event-1', 'event-2'], 'what was delivered under 2 attempts');
    await ground.eventually('the group is done', async () => (await transport.lag(ground.topic(), ground.group())).pending === 0);
    mustEqual(await deadLetters(transport, ground.topic(), ground.group()), [], 'the dead letters of a subscription that keeps none');
  },
};

export const deadLetterChecks: readonly Check[] = [setAside, redriven, rejected, options];
