import { setTimeout as pause } from 'node:timers/promises';
import { type Ground, onServers } from '../rig/on-servers.ts';
import type { Progress } from '../rig/progress.ts';
import { until } from '../rig/until.ts';
import { nowMs } from '../src/journal.ts';
import { collectEvidence, effectsDue } from './evidence.ts';
import { judge } from './judge.ts';
import { type Kill, killAndWatch, kills } from './kills.ts';
import type { Options } from './options.ts';
import { brokenInvariants, type Result } from './report.ts';
import { consumers, type Scene, setScene, startWriters } from './scene.ts';
import { type Disturbance, latencies, type Resumption } from './times.ts';

/** When the kills happen, as shares of the time in which orders are placed. */
const killsAt = [0.2, 0.4, 0.6];
/** How long everybody may take to be at work. */
const startMs = 30_000;
/** Without any new effect for this long the rest is given up as lost. */
const stalledMs = 30_000;
/** After the last effect, late duplicates are waited for until none has come for this long. */
const settledMs = 2_000;

/** Lets the service run under kills on real servers, and judges it. */
export function runDemo(options: Options, progress: Progress, signal: AbortSignal): Promise<Result> {
  const servers = { name: 'demo', services: ['events', 'database'], progress, signal };
  return onServers(servers, (ground) => act(options, progress, ground));
}

async function act(options: Options, progress: Progress, { crew, folder, bindingFile, signal }: Ground): Promise<Result> {
  progress.step('creating tables, starting 2 relays, 2 inventory and 2 e-mail consumers');
  await using scene = await setScene(options, { crew, bindingFile, journals: folder, signal });
  startWriters(scene, options, bindingFile);
  await flowing(scene);
  progress.step(`4 writers place ${options.ordersPerSecond} orders a second for ${options.seconds} s`);
  using _ticker = progress.follow(() => counted(scene.sightings));
  const done = await killOnSchedule(options.seconds * 1_000, scene, progress);
  await crew.dismiss((name) => name.startsWith('writer'));
  progress.step('no more orders; waiting for the last effects');
  await drain(scene);
  await crew.dismiss(() => true);
  return await resultOf(scene, done);
}

/** Waits until each consumer has brought an effect, so that the first kill finds everybody at work. */
async function flowing({ sightings, crew, signal }: Scene): Promise<void> {
  const flows = await until(
    async () => {
      crew.requireWhole();
      await sightings.read();
      const busy = new Set([...sightings.applied.values()].flat().map(({ process }) => process));
      return busy.size === consumers.length ? true : undefined;
    },
    { timeoutMs: startMs, signal },
  );
  if (flows === undefined) throw new Error(`not all of ${consumers.join(', ')} have brought an effect within ${startMs / 1_000} s`);
}

async function killOnSchedule(durationMs: number, scene: Scene, progress: Progress): Promise<Kill[]> {
  const startedMs = performance.now();
  const reach = async (atMs: number): Promise<void> => {
    await pause(Math.max(0, startedMs + atMs - performance.now()), undefined, { signal: scene.signal });
  };
  const done: Kill[] = [];
  for (const [index, kill] of kills.entries()) {
    await reach(durationMs * killsAt[index]!);
    scene.crew.requireWhole();
    const outcome = await killAndWatch(kill, scene);
    done.push(outcome);
    const { resumed, what, victim } = outcome;
    const after = resumed === undefined ? 'the flow did not go on' : `the flow went on after ${(resumed.allMs / 1_000).toFixed(1)} s`;
    progress.step(`kill -9 ${what}, ${victim}: ${after}`);
    if (resumed === undefined) break;
  }
  await reach(durationMs);
  return done;
}

/** Ends when no effect is owed any more and no duplicate comes any more, or when nothing moves. */
async function drain({ pool, sightings, signal }: Scene): Promise<void> {
  let due = Number.POSITIVE_INFINITY;
  while (due > 0) {
    const fewer = await until(
      async () => {
        const now = await effectsDue(pool);
        return now < due ? now : undefined;
      },
      { timeoutMs: stalledMs, signal },
    );
    if (fewer === undefined) return;
    due = fewer;
  }
  const quiet = async (): Promise<true | undefined> => {
    await sightings.read();
    return nowMs() - sightings.lastDeliveryAtMs > settledMs ? true : undefined;
  };
  await until(quiet, { timeoutMs: stalledMs, signal });
}

async function resultOf({ pool, sightings, crew }: Scene, done: readonly Kill[]): Promise<Result> {
  await sightings.read();
  const evidence = await collectEvidence(pool, sightings);
  const known = new Set(evidence.ledger.map(({ eventId }) => eventId));
  const forgotten = [...sightings.committed.keys()].filter((eventId) => !known.has(eventId)).length;
  const near = done.flatMap(({ resumed, ...kill }): (Disturbance & Resumption)[] =>
    resumed === undefined ? [] : [{ ...kill, ...resumed }],
  );
  const result = {
    ordersCommitted: evidence.ledger.filter(({ topic }) => topic === 'orders.created').length,
    transactionsRolledBack: sightings.rolledBack.size,
    eventsCommitted: evidence.ledger.length,
    verdict: judge(evidence),
    latency: { all: latencies(sightings), quiet: latencies(sightings, near) },
    kills: done,
  };
  const further = [...crew.unexpected, ...(forgotten > 0 ? [`commits that the database has forgotten: ${forgotten}`] : [])];
  return { ...result, broken: brokenInvariants(result, further) };
}

async function counted(sightings: Scene['sightings']): Promise<string> {
  await sightings.read();
  const { committed, rolledBack, applied } = sightings;
  const effects = [...applied.values()].reduce((sum, group) => sum + group.length, 0);
  const texts = [committed.size, rolledBack.size, effects].map((value) => value.toLocaleString('en-US'));
  return `${texts[0]} transactions committed, ${texts[1]} rolled back, ${texts[2]} effects`;
}
