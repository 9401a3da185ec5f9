import type { Bench } from '../bench.ts';
import { spawnRelay } from '../children.ts';
import { type Figure, median, round } from '../figure.ts';
import { type Arrivals, listen, write } from '../traffic.ts';

/** `kill -9` of the relay that holds the sink, a second one standing by: how long nothing arrives. */
export async function takeoverFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.emptyStreams();
  await using transport = await bench.transport();
  const arrivals = await listen(transport, 'bench-takeover');
  const bindingFile = await bench.bindingFile();
  const pauses: number[] = [];
  for (let turn = 0; turn < (bench.quick ? 1 : 3); turn++) {
    await using first = spawnRelay(bindingFile);
    await bench.until(async () => (await holder(database)).includes(`:${first.pid}:`), 20_000);
    await using _second = spawnRelay(bindingFile);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const writing = write(database.pool, { eventsPerSecond: 200, seconds: 8 });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    first.kill('SIGKILL');
    await writing;
    pauses.push(longestPause(arrivals));
    bench.say(`nothing arrived for ${round(pauses.at(-1)!)} ms`);
  }
  await arrivals.close();
  const value = round(median(pauses));
  return [{ name: 'relay.takeover', value, unit: 'ms', target: '< 3000', reached: value < 3_000 }];
}

async function holder(database: { pool: { query(text: string): Promise<{ rows: { holder: string | null }[] }> } }): Promise<string> {
  const { rows } = await database.pool.query('select holder from millrace.sink where lease_until > clock_timestamp()');
  return rows[0]?.holder ?? '';
}

/** Within the last burst of events: bursts are several seconds apart. */
function longestPause(arrivals: Arrivals): number {
  const since = performance.now() - 7_500;
  const times = [...arrivals.at.values()].filter((at) => at > since).sort((a, b) => a - b);
  return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
}
