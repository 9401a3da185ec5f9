import { setTimeout as pause } from 'node:timers/promises';
import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { type Check, type Ground, must } from '../check.ts';
import { disorderIn, eventsOf } from '../events.ts';
import { recorder } from '../recorder.ts';

/** Publishes as the relay does: what has failed goes again, before anything else. @returns how many calls had failures */
async function publishUntilTaken(ground: Ground, transport: Transport, events: readonly MillraceEvent[]): Promise<number> {
  let failures = 0;
  for (let left = events; left.length > 0; ) {
    const results = await transport.publish(ground.topic(), left);
    const failed = left.filter((_, index) => results[index]!.status === 'failed');
    const final = results.find((result) => result.status === 'failed' && !result.retriable);
    must(final === undefined, 'what fails while the server is away must be retriable, but one result is final');
    if (failed.length > 0) {
      failures += 1;
      await pause(50);
    }
    left = failed;
  }
  return failures;
}

const waveSize = 40;

const restart: Check = {
  name: 'restart',
  title: 'nothing is lost and no key changes its order when the server is restarted in the middle of publishing and consuming',
  alone: true,
  topics: { events: { shards: 2, partitions: 3 } },
  async run(ground) {
    const [publisher, ...consumers] = await Promise.all([ground.open(), ground.open(), ground.open()]);
    const got = recorder(() => pause(1));
    await Promise.all(
      consumers.map((consumer) => consumer.subscribe(ground.topic(), { group: ground.group(), concurrency: 4 }, got.handler)),
    );
    const events: MillraceEvent[] = [];
    const publishWave = async (): Promise<void> => {
      const next = eventsOf(waveSize, { keys: 8, from: events.length + 1 });
      events.push(...next);
      await publishUntilTaken(ground, publisher!, next);
    };
    for (let wave = 0; wave < 5; wave++) await publishWave();
    await ground.eventually('consuming has begun', () => got.deliveries.length >= waveSize);
    let isBack = false;
    const restarting = ground.restart().finally(() => {
      isBack = true;
    });
    while (!isBack) {
      await publishWave();
      await pause(20);
    }
    await restarting;
    for (let wave = 0; wave < 5; wave++) await publishWave();
    await got.has(ground, events);
    const disorder = disorderIn(got.deliveries.map(({ event }) => event));
    must(disorder === undefined, `keys must keep their order over a restart, but ${disorder}`);
    await ground.eventually('the group is done', async () => {
      const { pending, undelivered } = await publisher!.lag(ground.topic(), ground.group());
      return pending === 0 && undelivered === 0;
    });
  },
};

export const restartChecks: readonly Check[] = [restart];
