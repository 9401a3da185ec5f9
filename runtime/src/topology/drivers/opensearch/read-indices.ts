import { normalSettings } from './comparable.ts';
import type { LiveIndex, LiveObject } from './model.ts';

type ByIndex<T> = Readonly<Record<string, T>>;

export interface IndexAnswers {
  readonly settings: unknown;
  readonly marks: unknown;
  readonly fields: unknown;
  readonly sizes: unknown;
}

export function indicesIn({ settings, marks, fields, sizes }: IndexAnswers): ReadonlyMap<string, LiveIndex> {
  const marked = (marks ?? {}) as ByIndex<{ mappings: { _meta: { millrace: { index?: string } } } }>;
  const mapped = (fields ?? {}) as ByIndex<{ mappings: { properties: Readonly<Record<string, { type: string }>> } }>;
  const { indices: measured = {} } = (sizes ?? {}) as { indices?: ByIndex<Measured> };
  const rows = Object.entries((settings ?? {}) as ByIndex<{ settings: Readonly<Record<string, string>> }>).map(([name, index]) => {
    const { 'index.creation_date': createdAt, ...compared } = index.settings;
    const types = Object.entries(mapped[name]?.mappings.properties ?? {}).map(([field, { type }]) => [field, type] as const);
    const live: LiveIndex = {
      createdAt: Number(createdAt),
      documents: measured[name]?.primaries?.docs?.count ?? 0,
      bytes: measured[name]?.total?.store?.size_in_bytes ?? 0,
      settings: normalSettings(compared),
      madeFor: marked[name]?.mappings._meta.millrace.index,
      fields: Object.fromEntries(types),
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

/** An alias that is written to; others are not ours to declare. */
export function aliasesIn(answer: unknown, all: ReadonlyMap<string, LiveIndex>): LiveObject[] {
  const members = new Map<string, { readonly index: string; readonly isWritten: boolean }[]>();
  for (const [index, { aliases }] of Object.entries((answer ?? {}) as ByIndex<{ aliases: ByIndex<{ is_write_index?: boolean }> }>)) {
    for (const [alias, { is_write_index }] of Object.entries(aliases)) {
      members.set(alias, [...(members.get(alias) ?? []), { index, isWritten: is_write_index === true }]);
    }
  }
  return [...members].map(([name, behind]) => {
    const names = behind.map(({ index }) => index).sort();
    const written = behind.find(({ isWritten }) => isWritten)?.index ?? (names.length === 1 ? names[0] : undefined);
    const inOrder = [...names.filter((each) => each !== written), ...(written === undefined ? [] : [written])];
    return { kind: 'alias', name, ...target(name, inOrder, written, all) };
  });
}

function target(name: string, indices: readonly string[], written: string | undefined, all: ReadonlyMap<string, LiveIndex>) {
  const { 'index.number_of_shards': _shards, ...settings } = (written === undefined ? undefined : all.get(written)?.settings) ?? {};
  return {
    properties: written === undefined ? {} : settings,
    ours: indices.some((index) => all.get(index)?.madeFor === name),
    // There are no notes of what was written: what differs is set again.
    changedByOthers: false,
    indices,
  };
}
