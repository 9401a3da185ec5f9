import { matcherOf, objectName } from '../../../contracts/object-names.ts';
import type { Note } from '../../driver.ts';
import { detachmentsOf } from './attachments.ts';
import { fieldsIn, fixedFields } from './fields.ts';
import { priority } from './lifecycle.ts';
import { foreignIndices } from './members.ts';
import { type DeclaredObject, keyOf, type Live, type LiveObject } from './model.ts';

/** What is to be known of a data stream or alias and its indices. */
export function targetNotes(service: string, object: DeclaredObject, live: Live): readonly Note[] {
  const name = objectName(service, object.kind, object.name);
  const found = live.objects.get(keyOf(object));
  const shadow = shadowOf(object, found, live);
  const next = found === undefined ? undefined : withNextIndex(object, found, live);
  return [
    ...(shadow === undefined ? [] : [{ level: 'problem', name: objectName(service, 'template', object.name), sentence: shadow } as const]),
    ...(found === undefined
      ? []
      : foreignIndices(found, live).map((index) => ({ level: 'problem', name, sentence: foreign(index) }) as const)),
    ...detachmentsOf(object, live).flatMap((each) => (each.isForeign ? [{ level: 'problem', name, sentence: kept(each) } as const] : [])),
    ...(next === undefined ? [] : [{ level: 'info', name, sentence: next } as const]),
  ];
}

function foreign(index: string): string {
  return `index ${index} is behind the alias and was not made by Millrace: it is under no lifecycle and is not deleted with the alias; take it out (POST _aliases) or copy its documents (POST _reindex)`;
}

function kept({ index, policy }: { readonly index: string; readonly policy: string }): string {
  return `index ${index} is declared to be kept and follows lifecycle ${policy}, which Millrace did not make; end that with POST _plugins/_ism/remove/${index}`;
}

/** Of several templates for one index only that with the highest priority counts. */
function shadowOf({ kind, name }: DeclaredObject, found: LiveObject | undefined, { objects }: Live): string | undefined {
  const next = kind === 'data-stream' ? name : nextAfter(name, found?.indices?.at(-1));
  const stronger = [...objects.values()].filter(
    (object) => object.kind === 'template' && object.name !== name && priorityOf(object) > priority && isFor(object, next),
  );
  if (stronger.length === 0) return undefined;
  const names = stronger.map((each) => `${each.name} (priority ${priorityOf(each)})`).join(', ');
  return `the next index is made as template ${names} says, not as declared: lower its priority below ${priority}, or narrow its patterns`;
}

/** The first one where there is none that can be rolled over. */
function nextAfter(alias: string, newest: string | undefined): string {
  const number = Number(/-(\d{6})$/.exec(newest ?? '')?.[1] ?? 0) + 1;
  return `${alias}-${String(number).padStart(6, '0')}`;
}

function priorityOf({ properties }: LiveObject): number {
  return Number(properties.priority ?? 0);
}

function isFor({ properties }: LiveObject, index: string): boolean {
  return matcherOf((properties.index_patterns ?? []) as readonly string[])(index);
}

/** Shards and the definitions of fields are fixed when an index is made. */
function withNextIndex({ name, index }: DeclaredObject, { indices }: LiveObject, live: Live): string | undefined {
  const found = live.indices.get(indices?.at(-1) ?? '');
  if (found === undefined || index === undefined) return undefined;
  const liveShards = found.settings['index.number_of_shards'];
  const differing = [
    ...(liveShards === undefined || liveShards === String(index.shards) ? [] : [`number_of_shards ${index.shards} (now ${liveShards})`]),
    ...fixedFields(fieldsIn(index.fields), found.fields),
  ];
  if (differing.length === 0) return undefined;
  return `takes effect with the next index, after a roll-over (POST ${name}/_rollover), and for documents that are there with a reindex: ${differing.join(', ')}`;
}
