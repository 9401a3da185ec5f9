import type { Command } from 'commander';
import { type LoadedBinding, loadBinding, type ServiceHandle } from '../binding/index.ts';
import type { ServiceKind } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';

export interface BindingFlags {
  readonly binding?: string;
  readonly json: boolean;
}

/** The flags that every command has. */
export function withBinding(command: Command): Command {
  return command
    .option('--binding <file>', 'binding of the environment (default: MILLRACE_BINDING_JSON, or the file that MILLRACE_BINDING names)')
    .option('--json', 'print JSON, one document a line', false);
}

export function bindingOf(flags: BindingFlags): Promise<LoadedBinding> {
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
