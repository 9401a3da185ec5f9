import { type Ground, onServers } from '../rig/on-servers.ts';
import type { Progress } from '../rig/progress.ts';
import { until } from '../rig/until.ts';
import { type Act, scenes } from './acts.ts';
import { brokenPromises, type Result, type Rung } from './report.ts';
import { type Stage, servers, setStage } from './stage.ts';

/** From the cause to the alert in Alertmanager: what is promised. */
const ringsWithinMs = 90_000;
/** From the mending to silence: the values must fall, be sampled, scraped and evaluated, and Alertmanager be told. */
const silentWithinMs = 120_000;
/** Until all targets were scraped once. */
const watchesWithinMs = 60_000;

/** Lets every act ring and go silent, on real servers. */
export function runDrill(progress: Progress, signal: AbortSignal): Promise<Result> {
  return onServers({ name: 'drill', services: servers, progress, signal }, (ground) => play(ground, progress));
}

async function play(ground: Ground, progress: Progress): Promise<Result> {
  progress.step('creating tables, starting a relay');
  await using stage = await setStage(ground);
  await watching(stage);
  const rung: Rung[] = [];
  for (const acts of scenes) {
    await silent(stage, acts);
    rung.push(...(await Promise.all(acts.map((act) => perform(act, stage, progress)))));
  }
  return { rung, broken: brokenPromises(rung, ringsWithinMs, silentWithinMs) };
}

/** Waits until Prometheus watches: before that nothing could ring. */
async function watching({ bells, signal }: Stage): Promise<void> {
  let reason: string | undefined;
  const watches = await until(
    async () => {
      reason = await bells.deaf();
      return reason === undefined ? true : undefined;
    },
    { timeoutMs: watchesWithinMs, signal },
  );
  if (watches === undefined) throw new Error(`Prometheus does not watch after ${watchesWithinMs / 1_000} s: ${reason}`);
}

/** An alert that rings already shows nothing. */
async function silent({ bells, signal }: Stage, acts: readonly Act[]): Promise<void> {
  const alerts = acts.flatMap((act) => act.alerts);
  const quiet = await until(
    async () => {
      const ringing = await bells.ringing();
      return alerts.some((alert) => ringing.has(alert)) ? undefined : true;
    },
    { timeoutMs: silentWithinMs, signal },
  );
  if (quiet === undefined) throw new Error(`of ${alerts.join(', ')} some ring before anything has happened`);
}

async function perform(act: Act, stage: Stage, progress: Progress): Promise<Rung> {
  progress.step(`${act.name}: waiting for ${act.alerts.join(', ')}`);
  const causedMs = performance.now();
  await act.bringAbout(stage);
  const rang = await eachWithin(act, stage, causedMs, ringsWithinMs, true);
  progress.step(`${act.name}: ${told(rang, 'rang')}; mending`);
  const mendedMs = performance.now();
  await act.mend(stage);
  const silenced = await eachWithin(act, stage, mendedMs, silentWithinMs, false);
  progress.step(`${act.name}: ${told(silenced, 'silent')}`);
  return { act: act.name, alerts: act.alerts.map((id) => ({ id, rangAfterMs: rang.get(id), silentAfterMs: silenced.get(id) })) };
}

/** When each alert of the act came to ring, or to be silent, counted from `startMs`. */
async function eachWithin(
  { alerts }: Act,
  { bells, signal }: Stage,
  startMs: number,
  timeoutMs: number,
  rings: boolean,
): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const all = async (): Promise<true | undefined> => {
    const ringing = await bells.ringing();
    for (const alert of alerts) if (!seen.has(alert) && ringing.has(alert) === rings) seen.set(alert, performance.now() - startMs);
    return seen.size === alerts.length ? true : undefined;
  };
  await until(all, { timeoutMs, signal });
  return seen;
}

function told(times: ReadonlyMap<string, number>, what: string): string {
  if (times.size === 0) return `none of them ${what}`;
  return [...times].map(([id, ms]) => `${id} ${what} after ${(ms / 1_000).toFixed(0)} s`).join(', ');
}
