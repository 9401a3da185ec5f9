import type { LoadedBinding } from 'millrace/binding';
import { connectRedis } from 'millrace/connections/redis';
import { until } from '../rig/until.ts';
import { nowMs } from '../src/journal.ts';
import type { Scene } from './scene.ts';
import { type Disturbance, lanesServed, type Resumption, resumption } from './times.ts';

/** A kill that was done. */
export interface Kill extends Disturbance {
  readonly what: string;
  readonly victim: string;
  /** Who does the work now; undefined when nobody has taken over. */
  readonly successor: string | undefined;
  /** Undefined when the flow did not go on in time. */
  readonly resumed: Resumption | undefined;
}

/** How far back a lane counts as served. */
const recentMs = 5_000;
/** Some seconds are usual, more on a busy machine; what takes longer than this is a failure. */
const patienceMs = 90_000;

type Blow = Omit<Kill, 'resumed' | 'successor'> & { successor(): Promise<string | undefined> };

/** The kills of a demo, in order. */
export const kills: readonly ((scene: Scene) => Promise<Blow>)[] = [killActiveRelay, killConsumer, killMaster];

/** Kills, and waits until every lane that the victim served brings effects of events that were committed after the kill. */
export async function killAndWatch(kill: (scene: Scene) => Promise<Blow>, scene: Scene): Promise<Kill> {
  await scene.sightings.read();
  const { successor, ...blow } = await kill(scene);
  const waiting = { timeoutMs: patienceMs, signal: scene.signal };
  const resumed = await until(async () => {
    await scene.sightings.read();
    return resumption(scene.sightings, blow);
  }, waiting);
  return { ...blow, resumed, successor: await successor() };
}

/** The relay that holds the lease of the sink; the other one stands by. */
async function killActiveRelay({ crew, pool, sightings, signal }: Scene): Promise<Blow> {
  const holder = async (): Promise<number | undefined> => {
    const { rows } = await pool.query<{ holder: string | null }>('select holder from millrace.sink where lease_until > clock_timestamp()');
    const pid = /:(\d+):[0-9a-f-]+$/.exec(rows[0]?.holder ?? '')?.[1];
    return pid === undefined ? undefined : Number(pid);
  };
  const pid = await until(holder, { timeoutMs: 5_000, signal });
  const victim = crew.nameOf(pid ?? 0);
  if (victim === undefined) throw new Error('no relay of this demo holds the sink, so there is none to kill');
  const lanes = lanesServed(sightings, nowMs() - recentMs);
  const atMs = nowMs();
  await crew.kill(victim);
  const successor = async (): Promise<string | undefined> => {
    const other = await until(
      async () => {
        const now = await holder();
        return now === pid ? undefined : now;
      },
      { timeoutMs: 5_000, signal },
    );
    return other === undefined ? undefined : `${crew.nameOf(other)} (pid ${other})`;
  };
  return { what: 'active relay', victim: `${victim} (pid ${pid})`, atMs, lanes, successor };
}

/** An inventory consumer; the lanes it held must go to the other one or to its own successor. */
async function killConsumer({ crew, sightings }: Scene): Promise<Blow> {
  const since = nowMs() - recentMs;
  const names = ['inventory-1', 'inventory-2'];
  const [victim] = names.sort((a, b) => lanesServed(sightings, since, b).length - lanesServed(sightings, since, a).length) as [string];
  const lanes = lanesServed(sightings, since, victim);
  const pid = crew.pidOf(victim);
  const atMs = nowMs();
  await crew.kill(victim);
  const successor = async (): Promise<string | undefined> => {
    const heirs = names.filter((name) => lanesServed(sightings, atMs, name).some((lane) => lanes.includes(lane)));
    return heirs.length === 0 ? undefined : heirs.join(', ');
  };
  return { what: 'inventory consumer', victim: `${victim} (pid ${pid})`, atMs, lanes, successor };
}

/** The Redis master, found by asking it: only a member of this environment knows its password. */
async function killMaster({ binding, sightings }: Scene): Promise<Blow> {
  const before = await askMaster(binding);
  const lanes = lanesServed(sightings, nowMs() - recentMs);
  const atMs = nowMs();
  process.kill(before.pid, 'SIGKILL');
  const successor = async (): Promise<string | undefined> => {
    const after = await askMaster(binding);
    return after.runId === before.runId ? undefined : after.address;
  };
  return { what: 'Redis master', victim: `${before.address} (pid ${before.pid})`, atMs, lanes, successor };
}

async function askMaster(binding: LoadedBinding): Promise<{ pid: number; runId: string; address: string }> {
  await using master = await connectRedis(binding.service('events', 'redis-sentinel'), { name: 'demo', connectTimeoutMs: 20_000 });
  const info = await master.client.info('server');
  const field = (name: string): string => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1] ?? '';
  return { pid: Number(field('process_id')), runId: field('run_id'), address: `port ${field('tcp_port')}` };
}
