import type { Bench } from '../bench.ts';
import { type Figure, median, round } from '../figure.ts';
import { fillOutbox } from '../fill.ts';
import { throughBareLoop, throughRelay, timed } from '../loops.ts';
import { peers, ratePeer } from '../peers/index.ts';
import { fillQueue, throughDeletes } from '../textbook.ts';
import { topic } from '../traffic.ts';

/**
 * Rows of the log to Redis Streams: the relay, the bare loop, what textbooks do, and the peers, in turn and several times, so that a noisy machine is noisy
 * for all of them. The bare loop has the same pages, the same encoding and the same publishing script, without lease, gaps, progress or retry.
 */
export async function publishFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  const client = await database.openClient('bench');
  const events = bench.quick ? 50_000 : 200_000;
  bench.say(`writing ${events} events`);
  await fillOutbox(client, topic, events);
  const address = await bench.address();
  const redis = await bench.plainRedis();
  const turns: Record<string, number>[] = [];
  for (let turn = 1; turn <= (bench.quick ? 1 : 5); turn++) {
    const rates: Record<string, number> = {};
    rates.relay = await timed(events, () => throughRelay(bench, database, { service: 'events', events }));
    rates['bare loop'] = await timed(events, () => throughBareLoop(bench, database, { service: 'events', topic }));
    await fillQueue(client);
    rates[textbook] = await timed(events, () => throughDeletes(bench, client));
    for (const peer of peers) {
      await bench.empty('events'); // what the others have left fills its memory
      rates[peer.name] = await ratePeer(peer, address, redis, bench.quick ? peer.events / 5 : peer.events);
    }
    turns.push(rates);
    bench.say(
      `turn ${turn}: ${Object.entries(rates)
        .map(([name, rate]) => `${name} ${rate}`)
        .join(', ')} events/s`,
    );
  }
  redis.disconnect();
  return figuresOf(turns);
}

const textbook = 'DELETE .. RETURNING + XADD';

function figuresOf(turns: readonly Record<string, number>[]): Figure[] {
  const of = (name: string): number => median(turns.map((rates) => rates[name]!));
  const times = (name: string): number => round(median(turns.map((rates) => rates.relay! / rates[name]!)), 2);
  const best = peers.map(({ name }) => name).sort((a, b) => of(b) - of(a))[0]!;
  const ofLimit = times('bare loop');
  const ofOthers = times(best);
  const target = `>= 0.75 of the bare loop, >= 3 x the best peer (${best})`;
  const reached = ofLimit >= 0.75 && ofOthers >= 3;
  return [
    { name: 'relay.redis-streams', value: of('relay'), unit: 'events/s', ofLimit, ofOthers, target, reached },
    ...[textbook, ...peers.map(({ name }) => name)].map((name): Figure => {
      return { name: `peer: ${name}`, value: of(name), unit: 'events/s', note: `the relay does ${times(name)} times as much` };
    }),
  ];
}
