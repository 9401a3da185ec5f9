import type { Command } from 'commander';
import { type LoadedBinding, loadBinding, type ServiceHandle } from '../binding/index.ts';
import type { ServiceKind } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';

export interface BindingFlags {
  readonly binding?: string;
}

/** The flag that every command has. */
export function withBinding(command: Command): Command {
  return command.option(
    '--binding <file>',
    'binding of the environment: a file, or ssm:NAME (default: MILLRACE_BINDING_JSON, or what MILLRACE_BINDING names)',
  );
}

/** @throws {MillraceError} BINDING_INVALID when there is none, in the words of the command line, or it is wrong. */
export async function bindingOf(flags: BindingFlags): Promise<LoadedBinding> {
  if (flags.binding === undefined && !process.env.MILLRACE_BINDING && !process.env.MILLRACE_BINDING_JSON) {
    throw new MillraceError(
      'BINDING_INVALID',
      'no binding found: give --binding FILE, or set MILLRACE_BINDING (a path, or ssm:NAME) or MILLRACE_BINDING_JSON (the document)',
    );
  }
  return loadBinding(flags.binding === undefined ? {} : { file: flags.binding });
}

/**
 * The service `name`, or the only one of these kinds; a cache is never meant, because it may forget.
 *
 * @throws {MillraceError} BINDING_NAME_UNKNOWN when there are several to choose from, or none.
 */
export function pickService(binding: LoadedBinding, flag: string, name: string | undefined, ...kinds: ServiceKind[]): ServiceHandle {
  if (name !== undefined) return binding.service(name, ...kinds);
  const { services } = binding.document;
  const candidates = binding.names.filter((each) => kinds.includes(services[each]!.kind) && services[each]!.role !== 'cache');
  if (candidates.length === 1) return binding.service(candidates[0]!, ...kinds);
  const found = candidates.length === 0 ? `the binding has no ${kinds.join(' or ')} service` : `the binding has ${candidates.join(', ')}`;
  throw new MillraceError('BINDING_NAME_UNKNOWN', `${found}: name one with ${flag}`);
}
