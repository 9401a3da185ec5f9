import { MillraceError } from '../../../contracts/errors.ts';
import type { Ask } from './ask.ts';
import { managedIn } from './read-managed.ts';

/** Names in one address, which is at most 4 KiB long. */
const namesPerRequest = 40;

/** An index is told apart by its policy, not by what was asked for; the plugin says in a list which ones it left out. */
interface Outcome {
  readonly failures?: boolean;
  readonly failed_indices?: readonly { readonly index_name: string; readonly reason: string }[];
}

/**
 * Puts indices under a lifecycle: those that are under none, and those that follow another one or an older version of it.
 *
 * A policy that is written takes effect for indices that are made from then on; the others keep their copy until they are told.
 */
export async function putUnder(ask: Ask, lifecycle: string, indices: readonly string[]): Promise<void> {
  for (const some of portionsOf(indices)) await putAllUnder(ask, lifecycle, some);
}

/** Ends the lifecycle of indices, whichever they follow: they are kept from then on, and not taken up again. */
export async function removeFrom(ask: Ask, indices: readonly string[]): Promise<void> {
  for (const some of portionsOf(indices)) {
    const managed = managedIn(await ask('GET', `/_plugins/_ism/explain/${some.map(encodeURIComponent).join(',')}`));
    if (managed.size === 0) continue;
    const path = [...managed.keys()].map(encodeURIComponent).join(',');
    const { failed_indices: left = [] } = (await ask('POST', `/_plugins/_ism/remove/${path}`)) as Outcome;
    if (left.length > 0) throw stillFollowing(left);
  }
}

function portionsOf(indices: readonly string[]): readonly (readonly string[])[] {
  const starts = Array.from({ length: Math.ceil(indices.length / namesPerRequest) }, (_, portion) => portion * namesPerRequest);
  return starts.map((start) => indices.slice(start, start + namesPerRequest));
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

type Left = NonNullable<Outcome['failed_indices']>;

function notFollowing(lifecycle: string, left: Left): MillraceError {
  const message = `lifecycle ${lifecycle} was written, but some indices do not follow it: ${reasonsOf(left)}; apply again later`;
  return new MillraceError('TOPOLOGY_REFUSED', message);
}

function stillFollowing(left: Left): MillraceError {
  return new MillraceError('TOPOLOGY_REFUSED', `some indices still follow their lifecycle: ${reasonsOf(left)}; apply again later`);
}

function reasonsOf(left: Left): string {
  return left.map(({ index_name, reason }) => `${index_name} (${reason})`).join(', ');
}
