import { MillraceError } from '../../../contracts/errors.ts';
import type { Ask } from './ask.ts';
import type { LiveObject } from './model.ts';
import { managedIn } from './read-managed.ts';

/** Names in one address, which is at most 4 KiB long. */
const namesPerRequest = 40;

/** An index is told apart by its policy, not by what was asked for; the plugin says in a list which ones it left out. */
interface Outcome {
  readonly failures?: boolean;
  readonly failed_indices?: readonly { readonly index_name: string; readonly reason: string }[];
}

/**
 * Puts the indices of data streams and aliases under a lifecycle: those that are under none, and those that follow another one or an older version of it.
 *
 * A policy that is written takes effect for indices that are made from then on; the others keep their copy until they are told.
 */
export async function putUnder(ask: Ask, lifecycle: string, targets: readonly LiveObject[]): Promise<void> {
  const indices = targets.flatMap((target) => target.indices ?? []);
  for (let start = 0; start < indices.length; start += namesPerRequest) {
    await putAllUnder(ask, lifecycle, indices.slice(start, start + namesPerRequest));
  }
}

async function putAllUnder(ask: Ask, lifecycle: string, indices: readonly string[]): Promise<void> {
  const path = indices.map(encodeURIComponent).join(',');
  const managed = managedIn(await ask('GET', `/_plugins/_ism/explain/${path}`));
  const added = indices.filter((index) => !managed.has(index));
  // One that was taken up a moment ago is not explained yet and cannot be added: it is changed with the others.
  const { failed_indices: taken = [] } = added.length === 0 ? {} : await send(ask, 'add', added, lifecycle);
  const changed = [...managed.keys(), ...taken.map(({ index_name }) => index_name)];
  if (changed.length === 0) return;
  const { failed_indices: left = [] } = await send(ask, 'change_policy', changed, lifecycle);
  if (left.length > 0) throw notFollowing(lifecycle, left);
}

async function send(ask: Ask, deed: 'add' | 'change_policy', indices: readonly string[], policy: string): Promise<Outcome> {
  return (await ask('POST', `/_plugins/_ism/${deed}/${indices.map(encodeURIComponent).join(',')}`, { policy_id: policy })) as Outcome;
}

function notFollowing(lifecycle: string, left: NonNullable<Outcome['failed_indices']>): MillraceError {
  const reasons = left.map(({ index_name, reason }) => `${index_name} (${reason})`).join(', ');
  return new MillraceError(
    'TOPOLOGY_REFUSED',
    `lifecycle ${lifecycle} was written, but some indices do not follow it: ${reasons}; apply again later`,
  );
}
