import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import { closestName, type Problem } from '../../runtime/src/contracts/problems.ts';
import type { ServiceDeclaration } from '../declaration.ts';
import type { Draft } from './draft.ts';

/** `[]` or one problem: the form in which most checks answer. */
export function problemIf(broken: boolean, path: string, message: string): Problem[] {
  return broken ? [{ path, message }] : [];
}

/** A problem when `name` is none of `known`, with the name that was probably meant. */
export function unknownName(path: string, what: string, name: string, known: readonly string[]): Problem[] {
  if (known.includes(name)) return [];
  const close = closestName(name, known);
  const help =
    close === undefined ? (known.length === 0 ? 'none is declared' : `declared are ${known.join(', ')}`) : `did you mean ${close}?`;
  return [{ path, message: `no ${what} is named ${JSON.stringify(name)}, ${help}` }];
}

/** A problem when the service is not declared, or is of a kind that cannot hold what refers to it. */
export function serviceOfKind(draft: Draft, path: string, name: string, holds: string, kinds: readonly ServiceKind[]): Problem[] {
  const missing = unknownName(path, 'service', name, draft.names('services'));
  const service: ServiceDeclaration | undefined = draft.services[name];
  if (missing.length > 0 || service === undefined) return missing;
  const fitting = Object.entries(draft.services).flatMap(([other, { kind }]) => (kinds.includes(kind) ? [other] : []));
  const help = fitting.length === 0 ? `declare a service of kind ${kinds.join(' or ')}` : `choose ${fitting.join(' or ')}`;
  return problemIf(
    !kinds.includes(service.kind),
    path,
    `must name a service of kind ${kinds.join(' or ')} for ${holds}, got ${JSON.stringify(name)} of kind ${service.kind}; ${help}`,
  );
}

/** The values that occur more than once. */
export function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
