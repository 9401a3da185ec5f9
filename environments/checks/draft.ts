import type * as z from 'zod';
import type { Problem } from '../../runtime/src/contracts/problems.ts';
import { environmentSchema } from '../declaration.ts';

/** A declaration in which what has no default may be missing. */
const lenient = environmentSchema.partial({ name: true, engine: true, size: true });

/** The parts of a declaration that have a valid form, with the names of all that were declared, valid or not. */
export interface Draft extends z.output<typeof lenient> {
  /** Names at a dotted path of the declaration: `names('topology.queues')`. */
  names(path: string): readonly string[];
}

/** One rule between parts of a declaration; it returns a problem for each place that breaks it. */
export type Check = (draft: Draft) => Problem[];

/**
 * The declaration without its malformed parts, so that the checks between parts can run on the rest; nothing when it is no object at all.
 *
 * A malformed service, topic or queue is left out as a whole. Its name stays known, so whoever refers to it is not reported as well.
 */
export function draftOf(input: unknown): Draft | undefined {
  let rest = input;
  while (typeof rest === 'object' && rest !== null) {
    const parsed = lenient.safeParse(rest);
    if (parsed.success) return { ...parsed.data, names: (path) => namesAt(input, path) };
    const issue = parsed.error.issues[0]!;
    rest = without(rest, issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : entryOf(issue.path));
  }
  return undefined;
}

/** The whole thing that a path leads into: a service, a topic, a list (its positions are part of the messages), or else a part of the root. */
function entryOf(path: readonly PropertyKey[]): readonly PropertyKey[] {
  if (path[0] === 'topology') return path.slice(0, path[1] === 'bindings' ? 2 : 3);
  return path.slice(0, path[0] === 'services' ? 2 : 1);
}

/** `value` without what lies at the path; nothing when nothing lies there. */
function without(value: object, [key, ...rest]: readonly PropertyKey[]): object | undefined {
  if (key === undefined || !(key in value)) return undefined;
  const replacement = rest.length === 0 ? undefined : without((value as Record<PropertyKey, object>)[key]!, rest);
  if (rest.length > 0 && replacement === undefined) return undefined;
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    if (name !== String(key)) return [[name, inner] as const];
    return replacement === undefined ? [] : [[name, replacement] as const];
  });
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}

function namesAt(input: unknown, path: string): readonly string[] {
  let at: unknown = input;
  for (const key of path.split('.')) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return typeof at === 'object' && at !== null ? Object.keys(at) : [];
}
