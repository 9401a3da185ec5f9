import { normalSettings } from './comparable.ts';
import { fieldsIn } from './fields.ts';
import { isOwn } from './members.ts';
import type { Body, LiveIndex, LiveObject } from './model.ts';

type ByIndex<T> = Readonly<Record<string, T>>;

export interface IndexAnswers {
  readonly settings: unknown;
  readonly marks: unknown;
  readonly fields: unknown;
  readonly sizes: unknown;
}

export function indicesIn({ settings, marks, fields, sizes }: IndexAnswers): ReadonlyMap<string, LiveIndex> {
  const marked = (marks ?? {}) as ByIndex<{ mappings: { _meta: { millrace: { index?: string } } } }>;
  const mapped = (fields ?? {}) as ByIndex<{ mappings: { properties: Readonly<Record<string, Body>> } }>;
  const { indices: measured = {} } = (sizes ?? {}) as { indices?: ByIndex<Measured> };
  const rows = Object.entries((settings ?? {}) as ByIndex<{ settings: Readonly<Record<string, string>> }>).map(([name, index]) => {
    const { 'index.creation_date': createdAt, ...compared } = index.settings;
    const live: LiveIndex = {
      createdAt: Number(createdAt),
      documents: measured[name]?.primaries?.docs?.count ?? 0,
      bytes: measured[name]?.total?.store?.size_in_bytes ?? 0,
      settings: normalSettings(compared),
      madeFor: marked[name]?.mappings._meta.millrace.index,
      fields: fieldsIn(mapped[name]?.mappings.properties ?? {}),
    };
    return [name, live] as const;
  });
  return new Map(rows);
}

interface Measured {
  readonly primaries?: { readonly docs?: { readonly count: number } };
  readonly total?: { readonly store?: { readonly size_in_bytes: number } };
}

export function dataStreamsIn(answer: unknown, all: ReadonlyMap<string, LiveIndex>): LiveObject[] {
  const { data_streams = [] } = (answer ?? {}) as {
    data_streams?: readonly { name: string; indices: readonly { index_name: string }[] }[];
  };
  return data_streams.map(({ name, indices }) => {
    const names = indices.map(({ index_name }) => index_name);
    return { kind: 'data-stream', name, ...target(name, names, names.at(-1), all) };
  });
}

interface Member {
  readonly index: string;
  /** What the alias says of it, if anything. */
  readonly isWritten: boolean | undefined;
}

export function aliasesIn(answer: unknown, all: ReadonlyMap<string, LiveIndex>): LiveObject[] {
  const members = new Map<string, Member[]>();
  for (const [index, { aliases }] of Object.entries((answer ?? {}) as ByIndex<{ aliases: ByIndex<{ is_write_index?: boolean }> }>)) {
    for (const [alias, { is_write_index }] of Object.entries(aliases)) {
      members.set(alias, [...(members.get(alias) ?? []), { index, isWritten: is_write_index }]);
    }
  }
  return [...members].map(([name, behind]) => {
    const names = behind.map(({ index }) => index).sort();
    const written = writtenOf(behind);
    const last = written ?? names.findLast((index) => isOwn(name, index, all)) ?? names.at(-1)!;
    return { kind: 'alias', name, ...target(name, [...names.filter((each) => each !== last), last], written, all) };
  });
}

/** An index alone is written to unless it is said that it is not. */
function writtenOf(behind: readonly Member[]): string | undefined {
  const [only, ...others] = behind;
  return others.length === 0 && only?.isWritten === undefined ? only?.index : behind.find(({ isWritten }) => isWritten)?.index;
}

function target(name: string, indices: readonly string[], written: string | undefined, all: ReadonlyMap<string, LiveIndex>) {
  const last = all.get(indices.at(-1) ?? '');
  const { 'index.number_of_shards': _shards, ...settings } = last?.settings ?? {};
  return {
    properties: settings,
    ours: indices.some((index) => all.get(index)?.madeFor === name),
    // There are no notes of what was written: what differs in an index of ours is set again.
    changedByOthers: last !== undefined && last.madeFor !== name,
    ...{ indices, written },
  };
}
