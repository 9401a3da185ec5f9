import { MillraceError } from '../../../contracts/errors.ts';
import { removeFrom } from './apply-lifecycle.ts';
import { type Ask, conflict, orNothing, refusalIn } from './ask.ts';
import { detachmentsOf } from './attachments.ts';
import { fieldsIn, mappingOf, missingFields } from './fields.ts';
import { isOwn } from './members.ts';
import type { DeclaredObject, Live, LiveObject } from './model.ts';
import { namesIn } from './names.ts';
import { releasePatterns } from './release-patterns.ts';
import type { Removal } from './removal.ts';

/** Makes a data stream, or the first index behind an alias; what is there already stays. */
export async function createTarget(ask: Ask, { kind, name }: DeclaredObject): Promise<void> {
  if (kind === 'data-stream') {
    await unlessThere(ask('PUT', `/_data_stream/${encodeURIComponent(name)}`));
    return;
  }
  const own = await indicesMadeFor(ask, name);
  if (own.length > 0) return putBehind(ask, name, own);
  const { first } = namesIn(name, { dataStream: false });
  const made = ask('PUT', `/${encodeURIComponent(first)}`, { aliases: { [name]: { is_write_index: true } } });
  if (!(await unlessThere(made)) && !(await membersOf(ask, name)).includes(first)) throw occupied(name, first);
}

/** Of an alias that was taken away, and whose indices stayed; oldest first. */
async function indicesMadeFor(ask: Ask, name: string): Promise<readonly string[]> {
  const path = `/${encodeURIComponent(name)}-*/_mapping?filter_path=*.mappings._meta.millrace`;
  const found = (await orNothing(ask('GET', path))) as Readonly<Record<string, { mappings: { _meta: { millrace: { index?: string } } } }>>;
  const marked = new Map(Object.entries(found).map(([index, { mappings }]) => [index, { madeFor: mappings._meta.millrace.index }]));
  return [...marked.keys()].filter((index) => isOwn(name, index, marked)).sort();
}

async function putBehind(ask: Ask, alias: string, indices: readonly string[]): Promise<void> {
  const newest = indices.at(-1);
  await ask('POST', '/_aliases', { actions: indices.map((index) => ({ add: { index, alias, is_write_index: index === newest } })) });
}

async function membersOf(ask: Ask, alias: string): Promise<readonly string[]> {
  return Object.keys(await orNothing(ask('GET', `/_alias/${encodeURIComponent(alias)}`)));
}

/** Whether it was made now. */
async function unlessThere(made: Promise<unknown>): Promise<boolean> {
  try {
    await made;
    return true;
  } catch (error) {
    if (refusalIn(error)?.type !== 'resource_already_exists_exception') throw error;
    return false;
  }
}

function occupied(alias: string, index: string): MillraceError {
  const message = `index ${index} is there and was not made by Millrace, so alias ${alias} cannot begin with it; rename it (POST ${index}/_clone) or delete it`;
  return new MillraceError('TOPOLOGY_CONFLICT', message);
}

/** Sets what can be changed in the index that is written to; older ones belong to their lifecycle. */
export async function updateTarget(ask: Ask, declared: DeclaredObject, found: LiveObject, live: Live): Promise<void> {
  const { kind, name, body, index } = declared;
  const newest = found.indices!.at(-1)!;
  if (kind === 'alias' && found.written === undefined) await putBehind(ask, name, [newest]);
  const path = encodeURIComponent(newest);
  await ask('PUT', `/${path}/_settings`, body);
  const [wanted, mapped] = [fieldsIn(index!.fields), live.indices.get(newest)?.fields ?? {}];
  const missing = missingFields(wanted, mapped);
  // One whose type has changed would be refused, and the new ones with it.
  if (missing.length > 0) await ask('PUT', `/${path}/_mapping`, { properties: mappingOf(missing, wanted, mapped) });
  if (index!.lifecycle === undefined && live.capabilities.indexManagement) await keepForEver(ask, declared, live);
}

/** The pattern goes first: what is rolled over in between would be taken up again. */
async function keepForEver(ask: Ask, declared: DeclaredObject, live: Live): Promise<void> {
  await releasePatterns(ask, [namesIn(declared.name, { dataStream: declared.kind === 'data-stream' }).pattern]);
  const following = detachmentsOf(declared, live).filter(({ isForeign }) => !isForeign);
  await removeFrom(
    ask,
    following.map(({ index }) => index),
  );
}

/**
 * Deletes what was seen under the name, with its documents; indices of others only lose the alias.
 *
 * @param change its name.
 * @throws {MillraceError} TOPOLOGY_CONFLICT when something has come under the name since.
 */
export async function deleteTarget(ask: Ask, { what, name, deleted, kept }: Removal, change: string): Promise<void> {
  const now = await indicesUnder(ask, what, name);
  const seen = new Set([...deleted, ...kept]);
  if (now.some((index) => !seen.has(index))) throw conflict(change);
  if (now.length === 0) return;
  if (what === 'data stream') {
    await orNothing(ask('DELETE', `/_data_stream/${encodeURIComponent(name)}`));
    return;
  }
  const left = new Set(kept);
  const actions = now.map((index) => (left.has(index) ? { remove: { index, alias: name } } : { remove_index: { index } }));
  await ask('POST', '/_aliases', { actions });
}

async function indicesUnder(ask: Ask, what: Removal['what'], name: string): Promise<readonly string[]> {
  if (what === 'alias') return membersOf(ask, name);
  const path = encodeURIComponent(name);
  if (what === 'index') {
    const found = Object.keys(await orNothing(ask('GET', `/${path}/_settings/index.uuid`)));
    return found.filter((index) => index === name);
  }
  const { data_streams = [] } = (await orNothing(ask('GET', `/_data_stream/${path}`))) as {
    data_streams?: readonly { indices: readonly { index_name: string }[] }[];
  };
  return data_streams.flatMap(({ indices }) => indices.map(({ index_name }) => index_name));
}
