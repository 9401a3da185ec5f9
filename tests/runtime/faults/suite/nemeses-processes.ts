import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../../../../examples/order-service/src/journal.ts';
import { eventually } from '../../../support/eventually.ts';
import { type Blow, type Nemesis, oneOf } from './blow.ts';
import type { Carrier } from './carriers.ts';
import type { Draft, Point } from './programs/settings.ts';
import { consumerNames, type Scene, slowMs } from './scene.ts';

const everywhere: readonly Carrier['kind'][] = ['redis', 'sentinel', 'kafka', 'rabbitmq'];

/** The relay that holds the lease. */
async function workingRelay({ database, crew }: Scene): Promise<string> {
  const sql = 'select holder from millrace.sink where lease_until > clock_timestamp() and holder is not null';
  return eventually(
    async () => {
      const [row] = await database.rows<{ holder: string }>(sql);
      return row && crew.nameOf(Number(row.holder.split(':')[1]));
    },
    { what: 'a relay holds the sink', timeoutMs: 30_000 },
  );
}

const killedAt = (what: string, fromMs: number): Blow => ({ what, fromMs, mendedMs: fromMs });

/** Arms a fail-point and comes back when the process has died there. */
async function killedAtPoint(scene: Scene, name: string, point: Point): Promise<Blow> {
  const ends = scene.crew.ends(name);
  scene.tell(name, { do: 'arm', point, act: 'kill' });
  await scene.until(() => scene.crew.ends(name) > ends, `${name} dies ${point}`);
  return killedAt(`kill -9 of ${name} ${point}`, nowMs());
}

function relayKilled(point: Point): Nemesis {
  return {
    ...{ name: `kill -9 of the relay ${point}`, on: everywhere, repeats: [] },
    strike: async (scene) => killedAtPoint(scene, await workingRelay(scene), point),
  };
}

function consumerKilled(point: Point): Nemesis {
  return {
    ...{ name: `kill -9 of a consumer ${point}`, on: everywhere, repeats: [] },
    strike: async (scene, random) => killedAtPoint(scene, await busyConsumer(scene, random), point),
  };
}

/** One that has applied an effect lately, so that there is something to take over. */
async function busyConsumer(scene: Scene, random: () => number): Promise<string> {
  const since = nowMs();
  const busy = await scene.until(({ applied }) => {
    const names = new Set(applied.filter(({ atMs }) => atMs > since - 2_000).map(({ process }) => process));
    return names.size > 0 && [...names];
  }, 'a consumer is at work');
  return oneOf(busy, random);
}

async function writeOne(scene: Scene, draft: Draft): Promise<void> {
  const as = `nemesis-${nowMs()}`;
  scene.tell('writer-1', { do: 'write', as, events: [draft] });
  scene.tell('writer-1', { do: 'commit', as });
  await scene.until(({ notes }) => notes.includes(`writer-1 obeyed commit ${as}`), 'the writer has done it');
}

/** What dies, is stopped or is slow among our own processes. */
export const processNemeses: readonly Nemesis[] = [
  {
    ...{ name: 'kill -9 of the relay at random', on: everywhere, repeats: [] },
    async strike(scene, random) {
      const name = await workingRelay(scene);
      await pause(random() * 200);
      scene.crew.kill(name);
      return killedAt(`kill -9 of ${name}`, nowMs());
    },
  },
  relayKilled('after-read'),
  relayKilled('after-publish'),
  {
    ...{ name: 'kill -9 of a consumer at random', on: everywhere, repeats: [] },
    async strike(scene, random) {
      const name = await busyConsumer(scene, random);
      await pause(random() * 200);
      scene.crew.kill(name);
      return killedAt(`kill -9 of ${name}`, nowMs());
    },
  },
  consumerKilled('before-effect'),
  consumerKilled('after-effect'),
  {
    ...{ name: 'an event kills its handler', on: everywhere, repeats: [] },
    async strike(scene) {
      const ends = scene.crew.ends('consumer');
      await writeOne(scene, { topic: 'fragile', key: 'poison', tenant: 'north', kind: 'kills' });
      await scene.until(() => scene.crew.ends('consumer') > ends, 'a consumer dies of it');
      return killedAt('an event that kills its handler', nowMs());
    },
  },
  {
    ...{ name: 'a handler takes longer than the lease', on: everywhere, repeats: [] },
    async strike(scene) {
      await writeOne(scene, { topic: 'orders', key: 'slow', tenant: 'north', kind: 'slow' });
      return killedAt(`a handler that takes ${slowMs / 1_000} s`, nowMs());
    },
  },
  {
    ...{ name: 'the relay sleeps longer than its lease', on: everywhere, repeats: ['relay'] },
    async strike(scene) {
      const name = await workingRelay(scene);
      scene.crew.pause(name);
      const fromMs = nowMs();
      const other = eventually(async () => (await workingRelay(scene)) !== name, { what: 'another has taken over', timeoutMs: 20_000 });
      await other.finally(() => pause(1_000).then(() => scene.crew.resume(name)));
      return killedAt(`SIGSTOP of ${name}`, fromMs);
    },
  },
  {
    ...{ name: 'a consumer sleeps longer than its lease', on: everywhere, repeats: ['consumer'] },
    async strike(scene, random) {
      const name = oneOf(consumerNames, random);
      scene.crew.pause(name);
      const fromMs = nowMs();
      await pause(8_000);
      scene.crew.resume(name);
      return { what: `SIGSTOP of ${name} for 8 s`, fromMs, mendedMs: nowMs() };
    },
  },
];
