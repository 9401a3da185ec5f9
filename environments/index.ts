import { MillraceError } from '../runtime/src/contracts/errors.ts';
import { closestName } from '../runtime/src/contracts/problems.ts';
import { dev } from './dev.ts';
import { local } from './local.ts';
import { production } from './production.ts';
import { type Environment, type EnvironmentInput, parseEnvironment } from './schema.ts';
import { staging } from './staging.ts';

/** Every declared environment by name, as it was written; `environment(name)` checks and completes one. */
export const environments: Readonly<Record<string, EnvironmentInput>> = { local, dev, staging, production };

/**
 * One declared environment, checked and complete. A mistake in another one does not stop it.
 *
 * @throws {MillraceError} ENVIRONMENT_UNKNOWN when none has that name; ENVIRONMENT_INVALID when the declaration has problems.
 */
export function environment(name: string): Environment {
  const names = Object.keys(environments);
  const declared = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (declared !== undefined) return parseEnvironment(declared);
  const close = closestName(name, names);
  const help = close === undefined ? '' : `; did you mean ${close}?`;
  throw new MillraceError('ENVIRONMENT_UNKNOWN', `ENV must be one of ${names.join(', ')}, got ${JSON.stringify(name)}${help}`);
}
