import { type Ask, orNothing, refusalIn } from './ask.ts';
import type { Body, DeclaredObject, LiveObject } from './model.ts';
import { namesIn } from './names.ts';

/** Makes a data stream, or the first index behind an alias; what is there already stays. */
export async function createTarget(ask: Ask, { kind, name }: DeclaredObject): Promise<void> {
  if (kind === 'data-stream') return unlessThere(ask('PUT', `/_data_stream/${encodeURIComponent(name)}`));
  const behind = await indicesNamedFor(ask, name);
  const newest = behind.at(-1);
  if (newest !== undefined) return writeTo(ask, name, newest);
  const { first } = namesIn(name, { dataStream: false });
  return unlessThere(ask('PUT', `/${encodeURIComponent(first)}`, { aliases: { [name]: { is_write_index: true } } }));
}

/** Of an alias that was taken away, and whose indices stayed. */
async function indicesNamedFor(ask: Ask, name: string): Promise<readonly string[]> {
  const { pattern } = namesIn(name, { dataStream: false });
  const found = await orNothing(ask('GET', `/${encodeURIComponent(pattern)}/_settings/index.uuid?flat_settings=true`));
  return Object.keys(found).sort();
}

async function writeTo(ask: Ask, alias: string, index: string): Promise<void> {
  await ask('POST', '/_aliases', { actions: [{ add: { index, alias, is_write_index: true } }] });
}

async function unlessThere(made: Promise<unknown>): Promise<void> {
  try {
    await made;
  } catch (error) {
    if (refusalIn(error)?.type !== 'resource_already_exists_exception') throw error;
  }
}

/** Sets what can be changed in the index that is written to; older ones belong to their lifecycle. */
export async function updateTarget(
  ask: Ask,
  { kind, name, body, index }: DeclaredObject,
  { indices = [], properties }: LiveObject,
): Promise<void> {
  const newest = indices.at(-1)!;
  const hasWriteIndex = Object.keys(properties).length > 0;
  if (kind === 'alias' && !hasWriteIndex) await writeTo(ask, name, newest);
  const path = encodeURIComponent(newest);
  await ask('PUT', `/${path}/_settings`, body);
  const fields: Body = index?.fields ?? {};
  if (Object.keys(fields).length > 0) await ask('PUT', `/${path}/_mapping`, { properties: fields });
}

/** Deletes what has the name, whatever it is, with its documents. */
export async function deleteTarget(ask: Ask, name: string): Promise<void> {
  const path = encodeURIComponent(name);
  await orNothing(ask('DELETE', `/_data_stream/${path}`));
  const aliased = Object.keys(await orNothing(ask('GET', `/_alias/${path}`)));
  const indices = aliased.length > 0 ? aliased : Object.keys(await orNothing(ask('GET', `/${path}/_settings/index.uuid`)));
  if (indices.length > 0) await orNothing(ask('DELETE', `/${indices.map(encodeURIComponent).join(',')}`));
}
