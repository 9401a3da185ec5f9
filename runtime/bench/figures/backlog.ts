import type { Client } from 'pg';
import type { Bench } from '../bench.ts';
import { type Figure, median, round } from '../figure.ts';
import { fillOutbox } from '../fill.ts';
import { throughRelay, timed } from '../loops.ts';
import { topic } from '../traffic.ts';

const some = 200_000;

/** The rate with which a relay works off a long backlog, as a multiple of that of a short one. Streams are kept short meanwhile, as by a janitor. */
export async function backlogFigure(bench: Bench): Promise<Figure[]> {
  const rows = bench.long ? 5_000_000 : bench.quick ? 250_000 : 1_000_000;
  const database = await bench.freshDatabase();
  const client = await database.openClient('bench');
  await client.query('select millrace.extend_outbox(1000000, $1)', [rows + 1_000_000]);
  const rate = (events: number): Promise<number> =>
    timed(events, () => keepingStreamsShort(bench, () => throughRelay(bench, database, { service: 'events', events })));
  await fill(client, some);
  const short: number[] = [];
  for (let turn = 0; turn < (bench.quick ? 1 : 3); turn++) short.push(await rate(some));
  bench.say(`${median(short)} events/s of ${some}; writing ${rows - some} more`);
  await fill(client, rows - some);
  const value = await rate(rows);
  const ofOthers = round(value / median(short), 2);
  const name = `backlog of ${rows.toLocaleString('en')} rows`;
  return [{ name, value, unit: 'events/s', ofOthers, target: 'within 15 % of a short one', reached: ofOthers >= 0.85 }];
}

async function fill(client: Client, rows: number): Promise<void> {
  for (let left = rows; left > 0; left -= some) await fillOutbox(client, topic, Math.min(some, left));
}

async function keepingStreamsShort(bench: Bench, work: () => Promise<number>): Promise<number> {
  const redis = await bench.plainRedis();
  const timer = setInterval(() => {
    for (let shard = 0; shard < 4; shard++) redis.xtrim(`stream:{${topic}:${shard}}`, 'MAXLEN', '~', 50_000).catch(() => undefined);
  }, 200);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    redis.disconnect();
  }
}
