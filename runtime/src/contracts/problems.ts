import type * as z from 'zod/mini';

/** One thing that is wrong with a document: where, what was got, and the change to make. */
export interface Problem {
  /** Dotted path from the document's root, `services.events.role`; empty for the root itself. */
  readonly path: string;
  readonly message: string;
}

/** `path: message`, or the message alone at the root. */
export function formatProblem({ path, message }: Problem): string {
  return path === '' ? message : `${path}: ${message}`;
}

export type Issue = z.core.$ZodIssue;
export type Schema = z.core.$ZodType;

/** What schemas with alternatives need besides (`unions.ts`); apart, because a binding has none and every service loads it. */
export interface Unions {
  describe(issue: Extract<Issue, { code: 'invalid_union' }>, place: Place): Problem[];
  /** The options that the value chooses; undefined where `schema` is no union. */
  chosen(schema: Schema, value: unknown): readonly Schema[] | undefined;
}

/** Where an issue arose, and the means to describe what lies below. */
export interface Place {
  readonly path: readonly PropertyKey[];
  /** The value there, as messages show it. */
  readonly got: string;
  readonly describe: Context['describe'];
}

/**
 * All problems that a failed parse of `input` by `schema` found, each with the value got and the change to make.
 *
 * @param unions needed where the schema has alternatives.
 */
export function problemsOf(error: { issues: readonly Issue[] }, input: unknown, schema: Schema, unions?: Unions): Problem[] {
  const describe = (issue: Issue, base: readonly PropertyKey[]): Problem[] =>
    describeIssue(issue, { input, schema, unions, describe }, base);
  return error.issues.flatMap((issue) => describe(issue, []));
}

interface Context {
  readonly input: unknown;
  readonly schema: Schema;
  readonly unions: Unions | undefined;
  readonly describe: (issue: Issue, base: readonly PropertyKey[]) => Problem[];
}

function describeIssue(issue: Issue, context: Context, base: readonly PropertyKey[]): Problem[] {
  const { input, describe } = context;
  const path = [...base, ...issue.path];
  const at = (message: string): Problem[] => [{ path: path.map(String).join('.'), message }];
  const got = showValue(valueAt(input, path));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key].map(String).join('.'),
        message: `unknown key, ${suggestion(key, knownKeys(context, path))}`,
      }));
    case 'invalid_type':
      return at(got === 'nothing' ? `is required: give ${article(issue.expected)}` : `must be ${article(issue.expected)}, got ${got}`);
    case 'invalid_value':
      return at(`must be ${oneOf(issue.values.map(String))}, got ${got}${nearest(got, issue.values.map(String))}`);
    case 'too_small':
      return at(
        `must ${sizeVerb(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin, issue.minimum)}, got ${got}`,
      );
    case 'too_big':
      return at(
        `must ${sizeVerb(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin, issue.maximum)}, got ${got}`,
      );
    case 'invalid_format':
      return at(`must be ${issue.pattern === undefined ? `a valid ${issue.format}` : `of the form ${issue.pattern}`}, got ${got}`);
    case 'invalid_union':
      return context.unions?.describe(issue, { path, got, describe }) ?? at(`fits none of the allowed forms, got ${got}`);
    case 'invalid_key':
      return at(`has a name that is not allowed here: ${nameRule(issue)}`);
    default: // custom checks say it in our words; our schemas have no maps, sets or multiples
      return at(issue.message);
  }
}

export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key]),
    input,
  );
}

function showValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** What the rule for a record's names says, in the words of the first problem with the name. */
function nameRule(issue: Extract<Issue, { code: 'invalid_key' }>): string {
  const first = issue.issues[0];
  if (first?.code === 'invalid_format' && first.pattern !== undefined) return `names are of the form ${first.pattern}`;
  if (first?.code === 'too_big') return `names have at most ${first.maximum} characters`;
  return first?.message ?? 'choose another';
}

/** Keys of the object schema at `path`; of a union those of the alternatives that the value's discriminator chooses. None where the schema is open. */
function knownKeys({ schema, input, unions }: Context, path: readonly PropertyKey[]): string[] {
  let candidates = alternatives(schema, input, unions);
  for (const [index, key] of path.entries()) {
    const value = valueAt(input, path.slice(0, index + 1));
    candidates = candidates.flatMap((candidate) => alternatives(child(candidate, key), value, unions));
  }
  return [...new Set(candidates.flatMap(({ _zod: { def } }) => ('shape' in def ? Object.keys(def.shape as object) : [])))];
}

function child(schema: Schema, key: PropertyKey): Schema | undefined {
  const def = schema._zod.def as { shape?: Record<PropertyKey, Schema>; valueType?: Schema; element?: Schema };
  return def.shape?.[key] ?? def.valueType ?? def.element;
}

function alternatives(schema: Schema | undefined, value: unknown, unions: Unions | undefined): readonly Schema[] {
  if (schema === undefined) return [];
  const inner = unwrap(schema);
  return unions?.chosen(inner, value)?.flatMap((option) => alternatives(option, value, unions)) ?? [inner];
}

/** The schema below optional, default and other wrappers. */
function unwrap(schema: Schema): Schema {
  const def = schema._zod.def as { innerType?: Schema; in?: Schema };
  const inner = def.innerType ?? def.in;
  return inner === undefined ? schema : unwrap(inner);
}

function suggestion(key: string, known: readonly string[]): string {
  const close = closestName(key, known);
  if (close !== undefined) return `did you mean ${close}?`;
  return known.length > 0 ? `known are ${known.join(', ')}` : 'remove it';
}

export function nearest(got: string, values: readonly string[]): string {
  const close = closestName(got.replaceAll('"', ''), values);
  return close === undefined ? '' : `; did you mean ${close}?`;
}

/** The name in `known` that differs from `name` by a slip of the hand (at most a third of its letters), if any. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) && best.distance < name.length
    ? best.candidate
    : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      current[j] = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

function article(expected: string): string {
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

export function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `one of ${values.join(', ')}`;
}

function sizeVerb(origin: string): string {
  return unitOf(origin, 1) === '' ? 'be' : 'have';
}

function unitOf(origin: string, count: number | bigint): string {
  if (origin === 'string') return Number(count) === 1 ? ' character' : ' characters';
  if (origin === 'array' || origin === 'set') return Number(count) === 1 ? ' entry' : ' entries';
  return '';
}
