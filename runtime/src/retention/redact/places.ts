import type { Client } from 'pg';
import type { LoadedBinding } from '../../binding/index.ts';
import { carriedBy, type Topology } from '../../contracts/topology.ts';
import type { ArchiveStore } from '../archive/store.ts';
import { redactArchive } from './archive.ts';
import { beyondReach } from './beyond.ts';
import { liftedIn } from './lifted.ts';
import type { PlaceOutcome, Progress, Remains } from './outcome.ts';
import { redactReplays } from './replays.ts';
import type { Redaction } from './sought.ts';
import { type Running, runningUntil } from './stopping.ts';
import { countTables, leftInInbox, redactAside, redactLog } from './tables.ts';

export interface RedactGround {
  /** A connection of its own without a limit of time for statements. */
  readonly client: Client;
  readonly binding: LoadedBinding;
  readonly topology: Topology;
  readonly archive?: ArchiveStore | undefined;
}

export interface Way {
  readonly dryRun: boolean;
  readonly told: Progress;
  readonly signal: AbortSignal | undefined;
}

/** By how much the clock of a Redis may differ from ours. */
const clockSlackMs = 60_000;

/**
 * The log first: what relays read from then on is redacted. Streams once more in the end, and what is kept beside the log:
 * what relays had read before may have come meanwhile.
 */
export async function everywhere(ground: RedactGround, redaction: Redaction, way: Way): Promise<PlaceOutcome> {
  const { client, binding, topology, archive } = ground;
  const { dryRun, told } = way;
  const running = runningUntil(way.signal, redaction.id);
  const outcomes: PlaceOutcome[] = [];
  outcomes.push(dryRun ? { counts: await countTables(client, redaction), remains: [] } : await redactLog(client, redaction, told, running));
  outcomes.push({ counts: {}, remains: await leftInInbox(client, redaction) });
  running.check();
  const since = new Date(Date.now() - clockSlackMs);
  const first = await redactStreams(ground, redaction, way, running);
  outcomes.push(await redactArchive(client, archive, redaction, told, dryRun));
  for (const name of binding.names.filter((each) => binding.document.services[each]?.kind === 'opensearch')) {
    running.check();
    const outcome = await redactIndices(ground, name, redaction, running, dryRun);
    for (const [place, events] of Object.entries(outcome.counts)) told(place, events);
    outcomes.push(outcome);
  }
  const second = dryRun ? [] : await redactStreams(ground, redaction, way, running, since);
  // What remained in the first look makes another run necessary anyway; the second would tell of the same again.
  outcomes.push(...first, ...second.map(({ counts, remains }, i) => ({ counts, remains: first[i]!.remains.length > 0 ? [] : remains })));
  if (!dryRun) outcomes.push({ counts: await redactAside(client, redaction), remains: [] });
  outcomes.push(await redactReplays(client, redaction, dryRun));
  outcomes.push({ counts: {}, remains: beyondReach(topology, redaction.sought, new Date()) });
  return { counts: summed(outcomes), remains: outcomes.flatMap(({ remains }) => remains) };
}

function summed(outcomes: readonly PlaceOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes)
    for (const [place, events] of Object.entries(outcome.counts)) counts[place] = (counts[place] ?? 0) + events;
  return counts;
}

async function redactStreams(
  { binding, topology }: RedactGround,
  { sought }: Redaction,
  { dryRun, told }: Way,
  running: Running,
  since?: Date,
): Promise<PlaceOutcome[]> {
  const outcomes: PlaceOutcome[] = [];
  for (const name of binding.names) {
    const service = binding.document.services[name]!;
    const isStreams = (service.kind === 'redis' || service.kind === 'redis-sentinel') && service.role !== 'cache';
    if (!isStreams || carriedBy(topology, 'redis-streams', name).length === 0) continue;
    running.check();
    const outcome = await orRemains(name, async () => {
      const { redactRedis } = await import('./redis.ts');
      return redactRedis(binding.service(name, 'redis', 'redis-sentinel'), topology, sought, dryRun, since);
    });
    for (const [place, events] of Object.entries(outcome.counts)) told(place, events);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function redactIndices(
  { client, binding, topology }: RedactGround,
  name: string,
  redaction: Redaction,
  running: Running,
  dryRun: boolean,
): Promise<PlaceOutcome> {
  const outcome = await orRemains(name, async () => {
    const { redactSearch } = await import('./search.ts');
    const lifted = liftedIn(client, redaction.id);
    return redactSearch(binding.service(name, 'opensearch'), topology, { sought: redaction.sought, dryRun, lifted, running });
  });
  running.check();
  return outcome;
}

/** A server that fails does not stop the others: what it holds remains, and a second run finds it. */
async function orRemains(where: string, work: () => Promise<PlaceOutcome>): Promise<PlaceOutcome> {
  try {
    return await work();
  } catch (error) {
    const sentence = `not done: ${error instanceof Error ? error.message : String(error)}; run it again when that is mended`;
    return { counts: {}, remains: [{ where, sentence }] };
  }
}

/** Settings of indices that are still to be brought back. */
export async function stillLifted({ client }: RedactGround, { id }: Redaction): Promise<Remains[]> {
  return Object.keys(await liftedIn(client, id).all()).map((place) => ({
    where: place,
    sentence: `a block or setting was lifted and could not be brought back yet: --resume ${id} when the server is there`,
  }));
}

/** @throws {MillraceError} when the server cannot be reached */
export async function restoreAll({ client, binding }: RedactGround, { id }: Redaction): Promise<void> {
  const lifted = liftedIn(client, id);
  const services = new Set(Object.keys(await lifted.all()).map((place) => place.split(' ')[0]!));
  for (const name of services) await (await import('./search.ts')).restoreSettings(binding.service(name, 'opensearch'), lifted);
}
