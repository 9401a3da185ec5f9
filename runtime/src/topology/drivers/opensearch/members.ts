import type { Live, LiveIndex, LiveObject } from './model.ts';
import { isNumbered } from './names.ts';

/** The indices of a data stream or alias that Millrace made for it: what it may delete, and put under a lifecycle. */
export function ownIndices(target: LiveObject, { indices: all }: Pick<Live, 'indices'>): readonly string[] {
  const { kind, name, ours, indices = [] } = target;
  if (kind === 'data-stream') return ours ? indices : [];
  return indices.filter((index) => isOwn(name, index, all));
}

/** The indices behind an alias that somebody else put there. */
export function foreignIndices(target: LiveObject, live: Pick<Live, 'indices'>): readonly string[] {
  const own = new Set(ownIndices(target, live));
  return target.kind === 'alias' ? (target.indices ?? []).filter((index) => !own.has(index)) : [];
}

/** Whether an index behind an alias is one that Millrace made; another one can have the mark of the template, or the name. */
export function isOwn(alias: string, index: string, all: ReadonlyMap<string, Pick<LiveIndex, 'madeFor'>>): boolean {
  return isNumbered(alias, index) && all.get(index)?.madeFor === alias;
}
