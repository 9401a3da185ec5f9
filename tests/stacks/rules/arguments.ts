import type { EnvironmentIdentity } from '../../../constructs/core/identity.ts';
import { type Block, ofTypes, type StackContent, valuesAt } from './content.ts';
import { type Planted, type Rule, resource } from './rule.ts';

/** What one argument of every resource of a type must be. */
export interface ArgumentRule {
  readonly type: string;
  /** `a.b.c`, through blocks. */
  readonly argument: string;
  readonly must: string;
  readonly holds: (value: unknown, identity: EnvironmentIdentity) => boolean;
  /** A value that does not hold; a missing argument never does, unless `optional`. */
  readonly wrong: unknown;
  readonly optional?: boolean;
  /** @default every resource of the type, in every environment */
  readonly only?: (block: Block, identity: EnvironmentIdentity) => boolean;
  /** Where the planted resource must be one of those that `only` means. */
  readonly planted?: Readonly<Record<string, unknown>>;
}

/** The row as a rule, and two ways to break it: the wrong value and none. */
export function argumentRule(row: ArgumentRule): Rule {
  return {
    id: `${row.type}.${row.argument}`,
    what: `${row.argument} of ${row.type} must be ${row.must}`,
    violations: (stack) =>
      ofTypes(stack, row.type)
        .filter((block) => row.only?.(block, stack.identity) ?? true)
        .flatMap((block) => problemsOf(row, block, stack)),
    planted: [plantedWith(row, row.wrong), ...(row.optional ? [] : [resource(row.type, { ...row.planted })])],
  };
}

function problemsOf(
  { argument, must, holds, optional }: ArgumentRule,
  { path, arguments: args }: Block,
  { identity }: StackContent,
): string[] {
  const values = valuesAt(args, argument);
  if (values.length === 0) return optional ? [] : [`${path}: ${argument} must be ${must}, got nothing`];
  return values
    .filter((value) => !holds(value, identity))
    .map((value) => `${path}: ${argument} must be ${must}, got ${JSON.stringify(value)}`);
}

function plantedWith({ type, argument, planted }: ArgumentRule, value: unknown): Planted {
  const [first = '', ...rest] = argument.split('.');
  const tree = rest.reduceRight<unknown>((inner, key) => [{ [key]: inner }], value);
  return resource(type, { ...planted, [first]: tree });
}

/** Whether it is `true`, which the provider takes as text for some arguments. */
export const isTrue = (value: unknown): boolean => value === true || value === 'true';
export const isFalse = (value: unknown): boolean => value === false || value === 'false';
export const isGiven = (value: unknown): boolean => typeof value === 'string' && value !== '' && !value.startsWith('default');
export const atLeast =
  (least: number) =>
  (value: unknown): boolean =>
    Number(value) >= least;
export const oneOf =
  (...allowed: readonly unknown[]) =>
  (value: unknown): boolean =>
    allowed.includes(value);
