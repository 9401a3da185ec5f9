import { foreignIndices, ownIndices } from './members.ts';
import type { DeclaredObject, Live, LiveObject } from './model.ts';

/** What goes with a name. */
export interface Removal {
  readonly what: 'data stream' | 'alias' | 'index';
  readonly name: string;
  /** Indices that are deleted with their documents. */
  readonly deleted: readonly string[];
  /** Indices of others, which only lose the alias. */
  readonly kept: readonly string[];
  readonly object?: LiveObject | undefined;
}

/** What deleting a data stream or an alias takes with it. */
export function removalOf(object: LiveObject, live: Live): Removal {
  const { kind, name, indices = [] } = object;
  if (kind === 'data-stream') return { what: 'data stream', name, deleted: indices, kept: [], object };
  return { what: 'alias', name, deleted: ownIndices(object, live), kept: foreignIndices(object, live), object };
}

/** What has the name of a data stream or alias that is to be made, and is something else. */
export function occupantOf({ kind, name, index }: DeclaredObject, live: Live): Removal | undefined {
  if (index === undefined) return undefined;
  const other = live.objects.get(`${kind === 'alias' ? 'data-stream' : 'alias'}/${name}`);
  if (other !== undefined) return removalOf(other, live);
  return live.indices.has(name) ? { what: 'index', name, deleted: [name], kept: [] } : undefined;
}
