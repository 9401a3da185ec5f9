import type { ServiceHandle } from '../../binding/index.ts';
import { connectSearch } from '../../connections/opensearch/index.ts';
import { ownedBy, type Topology } from '../../contracts/topology.ts';
import type { Lifted, Settings } from './lifted.ts';
import type { PlaceOutcome, Remains } from './outcome.ts';
import { type Ask, bringBack, countIn, deleteAll, expunge, lift, obstacles } from './search-deletion.ts';
import { type Mapping, type Query, questionFor } from './search-fields.ts';
import type { Sought } from './sought.ts';
import type { Running } from './stopping.ts';

export interface SearchWork {
  readonly sought: Sought;
  readonly dryRun: boolean;
  /** Where settings are remembered that are changed for the deletion. */
  readonly lifted: Lifted;
  readonly running: Running;
  /** How long to go on merging until no deleted document is left. @default 90_000 */
  readonly mergePatienceMs?: number;
}

/** Copies of a shard keep deleted documents until each knows what the others have, which they tell each other twice a minute. */
const defaultMergePatienceMs = 90_000;
const mergePauseMs = 5_000;

/**
 * Deletes documents whose attributes are those sought, in the indices and data streams of the topology, by tasks on the server. A block on writing is
 * lifted for it and brought back.
 *
 * Documents know no topic, so a choice of topics is not looked at here: with one, nothing is deleted and that is told of.
 */
export async function redactSearch(handle: ServiceHandle, topology: Topology, work: SearchWork): Promise<PlaceOutcome> {
  if (work.sought.topics?.length) {
    return { counts: {}, remains: [{ where: handle.name, sentence: 'documents know no topic: redact without --topic to delete them' }] };
  }
  await using search = await connectSearch(handle);
  const ask = askWith(search.client);
  const beyond = beyondSearch(handle, topology);
  if (work.dryRun) return joined(await deleteEverywhere(ask, handle.name, topology, work), beyond);
  try {
    const deleted = await deleteEverywhere(ask, handle.name, topology, work);
    const merged = await mergeAll(ask, handle.name, work);
    await bringBackAll(handle.name, ask, work.lifted);
    return joined(deleted, [...merged, ...beyond]);
  } catch (error) {
    // Still noted: the next run merges what this one has deleted.
    for (const [index, settings] of await notedOf(handle.name, work.lifted)) await bringBack(ask, index, settings);
    throw error;
  }
}

function joined({ counts, remains }: PlaceOutcome, more: readonly Remains[]): PlaceOutcome {
  return { counts, remains: [...remains, ...more] };
}

async function deleteEverywhere(ask: Ask, service: string, topology: Topology, work: SearchWork): Promise<PlaceOutcome> {
  const counts: Record<string, number> = {};
  const remains: Remains[] = [];
  for (const [name] of ownedBy(topology.indices, service)) {
    const where = `${service} ${name}`;
    for (const [index, { mappings }] of Object.entries(await mappingsOf(ask, name))) {
      const { query, doubts } = questionFor(mappings, work.sought);
      if (doubts.length > 0 && (await holdsDocuments(ask, index))) {
        const sentence = `${index} was ${query === undefined ? 'not searched' : 'searched in part'}: ${doubts.join('; ')}`;
        remains.push({ where, sentence });
      }
      if (query === undefined) continue;
      const { events, failure } = await redactIndex({ ask, index, place: `${service} ${index}`, query }, work);
      counts[where] = (counts[where] ?? 0) + events;
      if (failure === undefined) continue;
      const hint = 'mend it (an index in UltraWarm has to come back to hot storage) and run it again';
      remains.push({ where, sentence: `documents of ${index} are not deleted: ${failure}; ${hint}` });
    }
  }
  return { counts, remains };
}

async function notedOf(service: string, lifted: Lifted): Promise<[index: string, settings: Settings][]> {
  const all = Object.entries(await lifted.all()).map(([place, settings]) => [...place.split(' '), settings] as [string, string, Settings]);
  return all.flatMap(([owner, index, settings]) => (owner === service ? [[index, settings]] : []));
}

/** All indices that were changed, in rounds. @returns those in which deleted documents are left */
async function mergeAll(ask: Ask, service: string, work: SearchWork): Promise<Remains[]> {
  const deadline = performance.now() + (work.mergePatienceMs ?? defaultMergePatienceMs);
  let indices = (await notedOf(service, work.lifted)).map(([index]) => index);
  for (;;) {
    const left: Remains[] = [];
    const again: string[] = [];
    for (const index of indices) {
      const documents = await mergedOrReason(ask, index, work);
      if (documents === 0) continue;
      again.push(index);
      const sentence = `deleted documents of ${index} lie in its segments until they are merged: ${documents}`;
      left.push({ where: `${service} ${index}`, sentence });
    }
    indices = again;
    if (again.length === 0 || performance.now() >= deadline) return left;
    await work.running.wait(mergePauseMs);
  }
}

async function mergedOrReason(ask: Ask, index: string, { running }: SearchWork): Promise<number | string> {
  try {
    return await expunge(ask, index, running);
  } catch (error) {
    running.check();
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Brings back what an interrupted redaction has left lifted. */
export async function restoreSettings(handle: ServiceHandle, lifted: Lifted): Promise<void> {
  await using search = await connectSearch(handle);
  await bringBackAll(handle.name, askWith(search.client), lifted);
}

async function bringBackAll(service: string, ask: Ask, lifted: Lifted): Promise<void> {
  for (const [index, settings] of await notedOf(service, lifted)) {
    await bringBack(ask, index, settings);
    await lifted.forget(`${service} ${index}`);
  }
}

interface IndexPlace {
  readonly ask: Ask;
  readonly index: string;
  readonly place: string;
  readonly query: Query;
}

/** An index that fails does not stop the others. */
async function redactIndex({ ask, index, place, query }: IndexPlace, work: SearchWork): Promise<{ events: number; failure?: string }> {
  const { running, lifted, dryRun } = work;
  running.check();
  try {
    const found = await countIn(ask, index, query);
    const noted = (await lifted.all())[place];
    // One that was interrupted may have deleted all of them, and not merged yet.
    if (dryRun || (found === 0 && noted === undefined)) return { events: found };
    const settings = { ...(await obstacles(ask, index)), ...noted };
    await lifted.note(place, settings);
    await lift(ask, index, settings);
    const { deleted, failure } = await deleteAll(ask, index, query, running);
    return { events: deleted, ...(failure !== undefined && { failure }) };
  } catch (error) {
    running.check();
    return { events: 0, failure: reasonOf(error) };
  }
}

function askWith(client: {
  readonly transport: { request(params: { method: string; path: string; body?: object }): Promise<unknown> };
}): Ask {
  return async <T>(method: 'GET' | 'PUT' | 'POST', path: string, body?: object) =>
    (await client.transport.request({ method, path, ...(body && { body }) })) as T;
}

/** By index: those behind an alias or a data stream, closed ones too, which cannot be searched and fail. */
function mappingsOf(ask: Ask, name: string): Promise<Record<string, { mappings: Mapping }>> {
  return ask('GET', `/${name}/_mapping?ignore_unavailable=true&allow_no_indices=true`);
}

async function holdsDocuments(ask: Ask, index: string): Promise<boolean> {
  return (await countIn(ask, index, { match_all: {} })) > 0;
}

/** Copies that a deletion does not reach. */
function beyondSearch({ name: service, service: bound }: ServiceHandle, topology: Topology): Remains[] {
  const indices = ownedBy(topology.indices, service);
  const tell = (where: string, sentence: string): Remains => ({ where: `${service} ${where}`.trim(), sentence });
  const policies = ownedBy(topology.snapshots, service).map(([name, { keepDays }]) =>
    tell(name, `snapshots taken before now hold the documents for ${keepDays} days, or delete them`),
  );
  const archived = indices.flatMap(([name, { lifecycle }]) =>
    lifecycle !== undefined && topology.lifecycles[lifecycle]?.archive
      ? [tell(name, `lifecycle ${lifecycle} keeps indices as snapshots: those taken before now hold the documents until you delete them`)]
      : [],
  );
  const tiers = bound.administration?.tiers;
  const managed = bound.auth.mode === 'iam' || tiers?.startsWith('ultrawarm') === true;
  return [
    ...policies,
    ...archived,
    ...(tiers === 'ultrawarm-and-cold' && indices.length > 0
      ? [tell('', 'indices in cold storage are not searched: move them back, or let their lifecycle delete them')]
      : []),
    ...(managed ? [tell('', "the domain's own hourly snapshots hold the documents for 14 days")] : []),
  ];
}
