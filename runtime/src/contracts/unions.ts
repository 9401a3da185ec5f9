import { type Issue, nearest, oneOf, type Place, type Problem, type Schema, type Unions, valueAt } from './problems.ts';

/** Describes what is wrong with a value that has several allowed forms; passed to `problemsOf` where a schema has them. */
export const unions: Unions = { describe: describeUnion, chosen };

function describeUnion(issue: Extract<Issue, { code: 'invalid_union' }>, { path, got, describe }: Place): Problem[] {
  const at = path.map(String).join('.');
  const kinds = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  if (issue.errors.length === 0 && kinds.length > 0) {
    return [
      {
        path: at,
        message: got === 'nothing' ? `is required: give ${oneOf(kinds)}` : `must be ${oneOf(kinds)}, got ${got}${nearest(got, kinds)}`,
      },
    ];
  }
  const closest = issue.errors.filter(reachesInside).toSorted((a, b) => a.length - b.length)[0];
  if (closest !== undefined) return closest.flatMap((inner) => describe(inner, path));
  const literals = issue.errors.flatMap((alternative) =>
    alternative.flatMap((inner) => (inner.code === 'invalid_value' ? inner.values.map(String) : [])),
  );
  return [
    { path: at, message: literals.length > 0 ? `must be ${oneOf(literals)}, got ${got}` : `fits none of the allowed forms, got ${got}` },
  ];
}

/** Whether the value was of this alternative's general form, so that what failed lies inside it. */
function reachesInside(issues: readonly Issue[]): boolean {
  return issues.some((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys');
}

function chosen(schema: Schema, value: unknown): readonly Schema[] | undefined {
  const { options, discriminator } = schema._zod.def as { options?: readonly Schema[]; discriminator?: string };
  if (options === undefined || discriminator === undefined) return options;
  const kind = valueAt(value, [discriminator]);
  return options.filter((option) => option._zod.propValues?.[discriminator]?.has(kind as string));
}
