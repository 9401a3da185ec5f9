import type { Bench } from '../bench.ts';
import { cpuMs, peakMiB, spawnRelay } from '../children.ts';
import { type Figure, round } from '../figure.ts';
import { fillOutbox } from '../fill.ts';
import { topic } from '../traffic.ts';

/** What a relay costs that has nothing to do, and its memory after it has published a backlog. */
export async function idleFigure(bench: Bench): Promise<Figure[]> {
  const database = await bench.freshDatabase();
  await bench.empty('events');
  const client = await database.openClient('bench');
  const events = bench.quick ? 20_000 : 150_000;
  await fillOutbox(client, topic, events);
  await using relay = spawnRelay(await bench.bindingFile());
  bench.say(`publishing ${events} events, then waiting`);
  await bench.until(async () => (await client.query('select max(low) as low from millrace.sink')).rows[0].low >= events, 120_000);
  const rssMiB = round(peakMiB(relay.pid));
  // What the backlog leaves behind is no idling: V8 gives memory back within 10 s, and sessions report their transactions up to a second late.
  await new Promise((resolve) => setTimeout(resolve, bench.quick ? 3_000 : 15_000));
  const seconds = bench.quick ? 5 : 30;
  const [before, cpuBefore] = [await transactions(client), cpuMs(relay.pid)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const [after, cpuAfter] = [await transactions(client), cpuMs(relay.pid)];
  const queries = round((after - before) / seconds, 1);
  const cpu = round((cpuAfter - cpuBefore) / (seconds * 10), 1);
  return [
    { name: 'relay.idle.queries', value: queries, unit: 'queries/s', target: '<= 12', reached: queries <= 12 },
    { name: 'relay.idle.cpu', value: cpu, unit: '%', target: '< 1', reached: cpu < 1 },
    { name: 'relay.memory', value: rssMiB, unit: 'MiB', rssMiB, target: '<= 150', reached: rssMiB <= 150 },
  ];
}

/** Transactions of the database so far; a relay's queries are one each. Sessions report them at most once a second. */
async function transactions(client: { query(text: string): Promise<{ rows: { n: string }[] }> }): Promise<number> {
  const { rows } = await client.query(
    'select pg_stat_clear_snapshot(), xact_commit as n from pg_stat_database where datname = current_database()',
  );
  return Number(rows[0]!.n);
}
