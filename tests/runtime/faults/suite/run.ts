import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../../../../examples/order-service/src/journal.ts';
import { shardOf } from '../../../../runtime/src/hash.ts';
import { seededRandom } from '../../../support/random.ts';
import type { Blow, Nemesis } from './blow.ts';
import type { Built } from './build.ts';
import type { Carrier } from './carriers.ts';
import { collect, lookingTransport, quiesce, repair } from './collect.ts';
import type { DatabaseServer } from './database.ts';
import type { Kind } from './evidence.ts';
import type { Histories } from './histories.ts';
import { duplicatesOf, type Invariant, violations } from './invariants.ts';
import { consumerNames, maxUnhandled, relayNames, type Scene, setScene, shards } from './scene.ts';
import { ready } from './steps.ts';

export interface RunOptions {
  readonly server: DatabaseServer;
  readonly carrier: Carrier;
  readonly programs: Built;
  readonly nemeses: readonly Nemesis[];
  readonly seed: number;
  /** They strike in turn until this has passed; each at least once. */
  readonly seconds: number;
  /** Told of each step. */
  readonly say: (line: string) => void;
}

/** What a run has shown. */
export interface Outcome {
  readonly name: string;
  readonly events: number;
  readonly kills: number;
  readonly blows: readonly (Blow & { readonly recoveredMs: number | undefined })[];
  readonly duplicates: number;
  readonly duplicatesAllowed: number;
  readonly violations: ReadonlyMap<Invariant, readonly string[]>;
  /** Processes that ended though nobody had killed them. */
  readonly failures: readonly string[];
  /** Where the histories are; they stay when something did not hold. */
  readonly folder: string;
}

const shares: Partial<Record<Kind, number>> = { flaky: 0.01, slow: 0.001, throws: 0.005 };
const transactionsPerSecond = 60;
const recoveryPatienceMs = 60_000;

/** Lets writers, relays and consumers work while the nemeses strike, and judges what is left when everything is quiet. */
export async function run(options: RunOptions): Promise<Outcome> {
  const { carrier, nemeses, say } = options;
  const name = `${carrier.kind}: ${nemeses.map((nemesis) => nemesis.name).join(', ')}`;
  const scene = await setScene(options);
  let sound = false;
  try {
    await start(scene, options.seed);
    const blows = await strikeAll(scene, options);
    const transport = await lookingTransport(scene);
    await scene.crew.dismiss('writer');
    say('no more events; waiting for the last effects');
    const mayForget = nemeses.some(({ forgets }) => forgets);
    if (mayForget) await repair(scene);
    await quiesce(scene, transport);
    const duplicatesAllowed = explained(scene, nemeses, blows);
    const evidence = await collect(scene, transport, { duplicatesAllowed, mayForget });
    await transport.close();
    const { crew, histories } = scene;
    const found = violations(evidence);
    const kills = crew.ends('');
    await Promise.all([crew.dismiss('relay'), crew.dismiss('consumer')]);
    sound = found.size === 0 && crew.failures.length === 0;
    const duplicates = evidence.owed.reduce((sum, { group }) => sum + duplicatesOf(evidence, group), 0);
    const counts = { events: evidence.ledger.length, kills, duplicates, duplicatesAllowed };
    return { ...{ name, blows, ...counts, violations: found }, failures: [...crew.failures], folder: histories.folder };
  } finally {
    await scene.close(!sound);
  }
}

async function start(scene: Scene, seed: number): Promise<void> {
  for (const name of relayNames) scene.startRelay(name);
  for (const name of consumerNames) scene.startConsumer(name);
  // On RabbitMQ the queue of one tenant gets what is published once its consumer has made it.
  await ready(scene, consumerNames);
  for (const [i, name] of ['writer-1', 'writer-2'].entries()) {
    scene.startWriter(name, { seed: seed + i, perSecond: transactionsPerSecond / 2, shares });
  }
  await scene.until((histories) => recovered(histories, 0), 'events flow through every lane');
}

async function strikeAll(scene: Scene, { nemeses, seed, seconds, say }: RunOptions): Promise<Outcome['blows']> {
  const random = seededRandom(seed);
  const until = nowMs() + seconds * 1_000;
  const blows: (Blow & { recoveredMs: number | undefined })[] = [];
  for (let i = 0; i < nemeses.length || nowMs() < until; i++) {
    const blow = await nemeses[i % nemeses.length]!.strike(scene, random);
    const sinceMs = blow.mendedMs;
    const patience = scene.until((histories) => recovered(histories, sinceMs), `events flow again after ${blow.what}`, recoveryPatienceMs);
    const recoveredMs = await patience.then(
      (atMs) => Math.max(0, Math.round(atMs - sinceMs)),
      (error: Error) => void say(error.message),
    );
    blows.push({ ...blow, recoveredMs: recoveredMs ?? undefined });
    say(
      `${blow.what}: ${recoveredMs === undefined ? 'the flow did not go on' : `the flow went on after ${(recoveredMs / 1_000).toFixed(1)} s`}`,
    );
    await pause(300 + random() * 700);
  }
  return blows;
}

/** When each lane had brought an effect of an event that was committed after `sinceMs`. */
function recovered({ applied, committed, enqueued }: Histories, sinceMs: number): number | undefined {
  const first = new Map<number, number>();
  for (const { id, group, atMs } of applied) {
    if (group !== 'stock' || atMs < sinceMs || (committed.get(id) ?? 0) <= sinceMs) continue;
    const lane = shardOf(enqueued.get(id)!.key, shards);
    first.set(lane, Math.min(atMs, first.get(lane) ?? atMs));
  }
  return first.size < shards ? undefined : Math.max(...first.values());
}

/** What one relay can have published and not noted: two pages of each topic, and what comes between two writes of its progress. */
const relayWindow = 2 * 2 * 100 + transactionsPerSecond;

/** Duplicates that a group can have been given because of what happened: crashes times windows. */
function explained({ crew, histories, times }: Scene, nemeses: readonly Nemesis[], blows: readonly Blow[]): number {
  const deaths = crew.ends('relay') * relayWindow + crew.ends('consumer') * maxUnhandled;
  // A busy machine lets processes sleep longer than their leases, unasked.
  const lapses = crew.said('consumer', 'lease lost') * maxUnhandled + crew.said('relay', 'lost the ground') * relayWindow;
  const each = blows.map((blow, i) => {
    const { repeats } = nemeses[i % nemeses.length]!;
    const [from, to] = [blow.fromMs - times.rewindMs! - 2_000, blow.mendedMs + 2_000];
    const forgotten = histories.published.filter(({ ackedMs }) => ackedMs > from && ackedMs < to).length;
    return (
      (repeats.includes('relay') ? relayWindow : 0) +
      (repeats.includes('consumer') ? consumerNames.length * maxUnhandled : 0) +
      (repeats.includes('broker') ? relayWindow + forgotten : 0)
    );
  });
  return each.reduce((sum, count) => sum + count, deaths + lapses);
}
