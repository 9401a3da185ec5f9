import { setTimeout as pause } from 'node:timers/promises';
import { planReplay, type ReplayRequest, replayStanding, requestReplay } from '../../../../runtime/src/replay/requests.ts';
import type { Transport } from '../../../../runtime/src/transport.ts';
import { openTransport } from '../../../../runtime/src/transports/open.ts';
import { eventually } from '../../../support/eventually.ts';
import type { Entry, Evidence } from './evidence.ts';
import { replayed, type Scene } from './scene.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Patience {
  /** Without anything new for this long, what is still owed is given up as lost. */
  readonly stalledMs: number;
  /** After the last effect, late duplicates are waited for until none has come for this long. */
  readonly settledMs: number;
}

const defaultPatience: Patience = { stalledMs: 20_000, settledMs: 1_000 };

/** A transport of the test's own, from the sources as they are. */
export function lookingTransport({ binding, carrier, topology }: Scene): Promise<Transport> {
  return openTransport({ service: binding.service(carrier.name), topology, logger: silent });
}

/** Waits until nothing moves any more: everything that is owed is there, or nothing has come for a while. */
export async function quiesce(scene: Scene, transport: Transport, patience: Partial<Patience> = {}): Promise<void> {
  const { stalledMs, settledMs } = { ...defaultPatience, ...patience };
  let least = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  for (;;) {
    const owing = await stillOwed(scene, transport);
    if (owing === 0) break;
    if (owing < least) [least, movedAt] = [owing, performance.now()];
    if (performance.now() - movedAt > stalledMs) return;
    await pause(100);
  }
  let seen = -1;
  for (;;) {
    await scene.histories.read();
    if (scene.histories.delivered.length === seen) return;
    seen = scene.histories.delivered.length;
    await pause(settledMs);
  }
}

const poisonous = "('throws', 'kills')";

async function stillOwed(scene: Scene, transport: Transport): Promise<number> {
  const counts = await Promise.all(
    scene.owed.map(async ({ group, topic, tenant }) => {
      const [row] = await scene.database.rows<{ due: string }>(
        `select count(*) as due from ledger where topic = $2 and ($3::text is null or tenant = $3) and kind not in ${poisonous}
         and not exists (select from effect where effect.id = ledger.id and grp = $1)`,
        [group, topic, tenant ?? null],
      );
      return Number(row!.due);
    }),
  );
  const [{ poisoned }] = (await scene.database.rows<{ poisoned: string }>(
    `select count(*) as poisoned from ledger where kind in ${poisonous}`,
  )) as [{ poisoned: string }];
  const letters = Number(poisoned) === 0 ? 0 : (await deadLetters(scene, transport)).length;
  const waiting = await whatWaits(scene, transport);
  return counts.reduce((sum, due) => sum + due, 0) + Math.max(0, Number(poisoned) - letters) + waiting.length;
}

/** Everything that the run has left behind. */
export async function collect(
  scene: Scene,
  transport: Transport,
  { duplicatesAllowed, mayForget = false }: { duplicatesAllowed: number; mayForget?: boolean },
): Promise<Evidence> {
  await scene.histories.read();
  const { enqueued, committed, published, delivered, failed, applied, repaired } = scene.histories;
  const { database, owed } = scene;
  const effects = await database.rows<{ grp: string; id: string; amount: number }>('select grp, id, amount from effect order by position');
  const dead = await database.rows<{ id: string }>('select event_id as id from millrace.dead_letter');
  return {
    ...{ owed, enqueued, published, delivered, failed, duplicatesAllowed, mayForget, repaired: mayForget ? repaired : new Set() },
    committed: new Set(committed.keys()),
    applied: new Set(applied.map(({ group, id }) => `${group} ${id}`)),
    ledger: await database.rows<Entry>('select id, topic, key, n, tenant, amount, kind from ledger'),
    effects: effects.map(({ grp, id, amount }) => ({ group: grp, id, amount })),
    deadLetters: [...(await deadLetters(scene, transport)), ...dead.map(({ id }) => ({ id, group: 'the relay' }))],
    waiting: await whatStillWaits(scene, transport),
    replayed: await replay(scene),
    fencing: transport.capabilities.fencing,
  };
}

/** A tenant's topic has no poisoned events. */
async function deadLetters({ owed }: Scene, transport: Transport): Promise<{ id: string; group: string }[]> {
  const found: { id: string; group: string }[] = [];
  for (const { group, topic, tenant } of owed) {
    if (tenant !== undefined) continue;
    for await (const { event, id } of transport.deadLetters(topic, group).list()) found.push({ id: event?.id ?? id, group });
  }
  return found;
}

async function whatWaits({ database, owed }: Scene, transport: Transport): Promise<string[]> {
  const sinks = await database.rows<{ text: string }>(
    `select 'sink ' || name || ' is at ' || low || ' of ' || last as text from millrace.sink,
     (select coalesce(max(id), 0) as last from millrace.outbox) as log where low < last`,
  );
  const parked = await database.rows<{ text: string }>(
    `select 'parked: ' || event_id || ' ' || errors::text as text from millrace.parked where published_at is null`,
  );
  const lags = await Promise.all(
    owed
      .filter(({ tenant }) => tenant === undefined)
      .map(async ({ group, topic }) => {
        const { pending, undelivered } = await transport.lag(topic, group);
        return pending + undelivered === 0 ? [] : [`${group} has ${pending} pending and ${undelivered} undelivered events of ${topic}`];
      }),
  );
  return [...sinks.map(({ text }) => text), ...parked.map(({ text }) => text), ...lags.flat()];
}

/** RabbitMQ's management counts every 5 s what is in hand, and can tell now of what was in hand before the last look found nothing. */
const staleMs = 12_000;

async function whatStillWaits(scene: Scene, transport: Transport): Promise<string[]> {
  const until = performance.now() + staleMs;
  for (;;) {
    const waiting = await whatWaits(scene, transport);
    if (waiting.length === 0 || performance.now() > until) return waiting;
    await pause(200);
  }
}

/** Asks for everything once more and waits until a consumer has carried that out. */
async function replay(scene: Scene): Promise<Evidence['replayed']> {
  await carryOut(scene, { run: 'everything' });
  await scene.histories.read();
  return { topic: replayed.topic, ids: new Set(scene.histories.replayed) };
}

/** Gives the group what its database has forgotten, as an operator does after a fail-over to a standby that was behind. */
export async function repair(scene: Scene): Promise<void> {
  await carryOut(scene, { run: 'missed', missed: true });
}

async function carryOut({ database, topology }: Scene, { run, missed }: Pick<ReplayRequest, 'run' | 'missed'>): Promise<void> {
  const client = await database.pool.connect();
  try {
    const [{ first }] = (await client.query('select coalesce(min(id), 1)::text as first from millrace.outbox')).rows as [{ first: string }];
    const planned = await planReplay(client, topology, { run, missed, ...replayed, from: { id: Number(first) } });
    await requestReplay(client, planned);
    const over = async (): Promise<boolean> => !['requested', 'running'].includes((await replayStanding(client, run)).state);
    await eventually(over, { timeoutMs: 30_000, what: `the replay of ${run} has ended` });
  } finally {
    client.release();
  }
}
