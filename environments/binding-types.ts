import type { BindingFragment } from '../runtime/src/contracts/binding.ts';

/**
 * The text of a `.d.ts` that tells the compiler the names in a binding, so that `binding.service('evnts')` does not compile.
 *
 * It lies beside the binding and must be among the files of the service's `tsconfig.json`.
 *
 * @example renderBindingTypes(binding.services) // declare module 'millrace/binding' { interface BindingNames { cache: 'redis'; ... } }
 */
export function renderBindingTypes(services: BindingFragment): string {
  const names = Object.entries(services).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    '// Generated with the binding: names and kinds of the services of this environment.',
    "import 'millrace/binding';",
    '',
    "declare module 'millrace/binding' {",
    '  interface BindingNames {',
    ...names.map(([name, { kind }]) => `    ${/^[a-z0-9]+$/.test(name) ? name : `'${name}'`}: '${kind}';`),
    '  }',
    '}',
    '',
  ].join('\n');
}
