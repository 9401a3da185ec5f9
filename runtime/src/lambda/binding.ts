import { type LoadedBinding, loadBinding } from '../binding/index.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { Pause } from '../pause.ts';
import type { ApplyRequest } from './request.ts';

/** AWS may answer with the former value for a moment after a parameter was written. */
const patienceMs = 15_000;
const betweenLooksMs = 1_000;

/**
 * The binding that is meant: of the generation that was asked for, with the topology that was asked for.
 *
 * @throws {MillraceError} BINDING_INVALID when it still has another content after 15 s; whatever `loadBinding` throws.
 */
export async function bindingFor(request: ApplyRequest, signal: AbortSignal): Promise<LoadedBinding> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  for (;;) {
    const found = await look(request);
    if (!(found instanceof MillraceError)) return found;
    if (over.aborted || !found.retriable) throw found;
    await new Pause().wait(betweenLooksMs, over);
  }
}

/** The binding, or why it is not the one. */
async function look({ binding, generation, topologyHash }: ApplyRequest): Promise<LoadedBinding | MillraceError> {
  const loaded = await loadBinding(binding === undefined ? {} : { file: binding }).catch((error: unknown) => {
    if (isMillraceError(error)) return error;
    throw error;
  });
  if (loaded instanceof Error) return loaded;
  const { document } = loaded;
  const other =
    mismatch('generation', generation, document.generation) ?? mismatch('the topology', topologyHash, document.topology?.hash ?? 'none');
  return other === undefined
    ? loaded
    : new MillraceError('BINDING_INVALID', `binding of ${document.environment} has ${other}`, { retriable: true });
}

function mismatch(what: string, wanted: string | undefined, found: string): string | undefined {
  if (wanted === undefined || wanted === found) return undefined;
  return `${what} ${found}, the deployment means ${wanted}; another deployment came between, or only half of this one is there: deploy again`;
}
