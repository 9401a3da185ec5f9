import { type BindingFragment, bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { formatProblem, problemsOf } from '../../runtime/src/contracts/problems.ts';

/** A construct that services connect to: it says where and how, never with which secret. */
export interface Bindable {
  /** The services of this construct by name; hosts may be tokens that Terraform fills in. */
  binding(): BindingFragment;
}

/**
 * All services of an environment, in the order of their names.
 *
 * @throws {MillraceError} BINDING_INVALID when a fragment does not fit the contract (so no construct can slip in a secret's value), or two name one service.
 */
export function mergeFragments(fragments: readonly BindingFragment[]): BindingFragment {
  const merged: Record<string, BindingFragment[string]> = {};
  for (const fragment of fragments) {
    for (const [name, service] of Object.entries(checked(fragment))) {
      if (Object.hasOwn(merged, name))
        throw new MillraceError('BINDING_INVALID', `two stacks bind the service ${name}; name one of them differently`);
      merged[name] = service;
    }
  }
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checked(fragment: BindingFragment): BindingFragment {
  const parsed = bindingFragment.safeParse(fragment);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error, fragment, bindingFragment).map(formatProblem);
  throw new MillraceError(
    'BINDING_INVALID',
    `a binding fragment does not fit the contract:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );
}
