import type { Body, Fields } from './model.ts';

/** The fields of a mapping's `properties`, written with dots or one in the other, by their full names. */
export function fieldsIn(properties: Readonly<Record<string, Body>>, path = ''): Fields {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, { properties: parts, ...definition }]) => [
      [`${path}${name}`, { type: 'object', ...definition }] as const,
      ...Object.entries(fieldsIn((parts ?? {}) as Readonly<Record<string, Body>>, `${path}${name}.`)),
    ]),
  );
}

/** Names of the declared fields that an index does not map and can: nothing else has the place. */
export function missingFields(declared: Fields, live: Fields): readonly string[] {
  return Object.entries(declared).flatMap(([name, { type }]) => {
    const isThere = name in live || (type === 'object' && hasParts(name, live));
    return isThere || occupied(name, live) !== undefined ? [] : [name];
  });
}

/** What the mapping of an index can never become, or not without a new index: clauses for people. */
export function fixedFields(declared: Fields, live: Fields): readonly string[] {
  return Object.entries(declared).flatMap(([name, definition]) => {
    const found = live[name];
    const above = occupied(name, live);
    if (found === undefined) return above === undefined ? [] : [`field ${name} (now ${above} is ${String(live[above]!.type)})`];
    if (found.type !== definition.type) return [`field ${name} as ${String(definition.type)} (now ${String(found.type)})`];
    const parameters = Object.keys(definition).filter((parameter) => isDifferent(definition[parameter], found[parameter]));
    return parameters.length === 0 ? [] : [`${parameters.join(', ')} of field ${name}`];
  });
}

/** A mapping with the named fields alone. Inside of nested objects they are given with these: a dot would declare plain ones. */
export function mappingOf(names: readonly string[], declared: Fields, live: Fields): Readonly<Record<string, Body>> {
  const root: Tree = {};
  for (const name of names) {
    const parts = name.split('.');
    let level = root;
    parts.forEach((part, depth) => {
      const path = parts.slice(0, depth + 1).join('.');
      const isLast = depth === parts.length - 1;
      const isNested = (live[path] ?? declared[path])?.type === 'nested';
      level[part] = { ...(isLast ? declared[name] : isNested && { type: 'nested' }), ...level[part] };
      if (!isLast) level = level[part].properties ??= {};
    });
  }
  return root;
}

interface Tree {
  [name: string]: Record<string, unknown> & { properties?: Tree };
}

/** The server leaves out what is as it would be anyhow, which flags mostly are: such a difference is not seen. */
function isDifferent(declared: unknown, live: unknown): boolean {
  if (live === undefined) return typeof declared !== 'boolean';
  return typeof declared === 'object' ? JSON.stringify(declared) !== JSON.stringify(live) : String(declared) !== String(live);
}

function hasParts(name: string, fields: Fields): boolean {
  return Object.keys(fields).some((each) => each.startsWith(`${name}.`));
}

/** What stands above a field and can have no parts. */
function occupied(name: string, live: Fields): string | undefined {
  const parts = name.split('.').slice(0, -1);
  const above = parts.map((_, depth) => parts.slice(0, depth + 1).join('.'));
  return above.find((path) => path in live && !['object', 'nested'].includes(String(live[path]!.type)));
}
