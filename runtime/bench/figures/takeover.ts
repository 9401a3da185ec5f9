import type { Bench } from '../bench.ts';
import { spawnConsumer, spawnRelay } from '../children.ts';
import { type Figure, median, round } from '../figure.ts';
import { type Arrivals, listen, topic, write } from '../traffic.ts';

const load = { eventsPerSecond: 200, seconds: 8 };

/** `kill -9` of the relay that holds the sink, and of a consumer that holds half of the shards, another standing by: how long events do not flow. */
export async function takeoverFigure(bench: Bench): Promise<Figure[]> {
  const relays = await pauses(bench, 'relay', relayPause);
  const consumers = await pauses(bench, 'consumer', consumerPause);
  return [
    { name: 'relay.takeover', value: relays, unit: 'ms', target: '< 2000', reached: relays < 2_000 },
    { name: 'consumer.takeover', value: consumers, unit: 'ms', target: '< 5000', reached: consumers < 5_000 },
  ];
}

type Database = Awaited<ReturnType<Bench['freshDatabase']>>;

async function pauses(bench: Bench, who: string, measure: (bench: Bench, database: Database) => Promise<number>): Promise<number> {
  const measured: number[] = [];
  for (let turn = 0; turn < (bench.quick ? 1 : 3); turn++) {
    const database = await bench.freshDatabase();
    await bench.empty('events');
    measured.push(await measure(bench, database));
    bench.say(`${who}: events did not flow for ${round(measured.at(-1)!)} ms`);
  }
  return round(median(measured));
}

async function relayPause(bench: Bench, database: Database): Promise<number> {
  await using transport = await bench.transport('events');
  const arrivals = await listen(transport, 'bench-takeover');
  const bindingFile = await bench.bindingFile();
  await using first = spawnRelay(bindingFile);
  await bench.until(async () => (await holder(database)).includes(`:${first.pid}:`), 20_000);
  await using _second = spawnRelay(bindingFile);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const writing = write(database.pool, load);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  first.kill('SIGKILL');
  await writing;
  await arrivals.close();
  return longestPause(arrivals);
}

async function holder(database: Database): Promise<string> {
  const { rows } = await database.pool.query('select holder from millrace.sink where lease_until > clock_timestamp()');
  return rows[0]?.holder ?? '';
}

function longestPause({ at }: Arrivals): number {
  const times = [...at.values()].sort((a, b) => a - b);
  return Math.max(...times.slice(1).map((each, i) => each - times[i]!));
}

/** The slowest of the events that were committed after the kill: those of the shards that the dead consumer held wait until they are taken over. */
async function consumerPause(bench: Bench, database: Database): Promise<number> {
  const group = 'bench-takeover';
  const bindingFile = await bench.bindingFile();
  await using _relay = spawnRelay(bindingFile);
  await using transport = await bench.transport('events');
  const arrivals = await listen(transport, group);
  await using other = await spawnConsumer(bindingFile, topic, group);
  await write(database.pool, { eventsPerSecond: 100, seconds: 3 });
  const seen = arrivals.at.size;
  bench.say(`the consumer that stays has ${seen} of 300 events`);
  const writing = write(database.pool, load);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const killedAt = performance.now();
  other.kill('SIGKILL');
  const after = [...(await writing)].filter(([, at]) => at > killedAt);
  await bench.until(async () => after.every(([id]) => arrivals.at.has(id)), 20_000);
  await arrivals.close();
  return Math.max(...after.map(([id, at]) => arrivals.at.get(id)! - at));
}
