import type { AlarmInstance } from './planned.ts';

/** Dimensions of metrics for all instances of a resource at once. */
export interface SharedDimensions {
  /** For `for_each`: what tells the instances apart, by the names of their alarms; a text where that is one value. */
  readonly forEach: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  /** By the identifier of the metric; values that are not the same for all are taken from the instance. */
  readonly dimensions: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** One value of each instance. */
type Column = readonly string[];

/** What is the same for all instances is written once, so that a reviewer sees what differs; nothing but the cluster's part is left in most. */
export function sharedDimensions(instances: readonly AlarmInstance[]): SharedDimensions {
  const columns = new Map<string, { readonly name: string; readonly column: Column }>();
  const dimensions: Record<string, Record<string, string>> = {};
  for (const [id, { metric }] of Object.entries(instances[0]?.inputs ?? {})) {
    for (const [name, value] of Object.entries(metric.dimensions)) {
      const column = instances.map(({ inputs }) => inputs[id]!.metric.dimensions[name]!);
      const same = column.every((other) => other === value);
      const key = JSON.stringify(column);
      if (!same && !columns.has(key)) columns.set(key, { name: nameFor(name, id, columns), column });
      dimensions[id] = { ...dimensions[id], [name]: same ? value : key };
    }
  }
  return { forEach: rowsOf(instances, [...columns.values()]), dimensions: referring(dimensions, columns) };
}

function nameFor(name: string, id: string, columns: ReadonlyMap<string, { readonly name: string }>): string {
  return [...columns.values()].some((other) => other.name === name) ? `${name} ${id}` : name;
}

function rowsOf(
  instances: readonly AlarmInstance[],
  columns: readonly { readonly name: string; readonly column: Column }[],
): SharedDimensions['forEach'] {
  const [only, ...others] = columns;
  return Object.fromEntries(
    instances.map(({ name }, index) => {
      if (only === undefined) return [name, ''];
      return [name, others.length === 0 ? only.column[index]! : Object.fromEntries(columns.map((one) => [one.name, one.column[index]!]))];
    }),
  );
}

function referring(
  dimensions: Readonly<Record<string, Readonly<Record<string, string>>>>,
  columns: ReadonlyMap<string, { readonly name: string }>,
): SharedDimensions['dimensions'] {
  const reference = (key: string): string => {
    const column = columns.get(key);
    if (column === undefined) return key;
    return columns.size === 1 ? `\${each.value}` : `\${each.value["${column.name}"]}`;
  };
  return Object.fromEntries(
    Object.entries(dimensions).map(([id, own]) => [
      id,
      Object.fromEntries(Object.entries(own).map(([name, key]) => [name, reference(key)])),
    ]),
  );
}
