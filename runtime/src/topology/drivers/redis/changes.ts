import type { ServiceHandle } from '../../../binding/index.ts';
import type { Change, Note } from '../../driver.ts';
import type { DeclaredTenant, DeclaredUser } from './declared.ts';

/** How one change is carried out. */
export type Step =
  | { readonly do: 'create group' | 'delete group'; readonly stream: string; readonly group: string }
  | { readonly do: 'enter tenant'; readonly tenant: DeclaredTenant }
  | { readonly do: 'set user'; readonly user: DeclaredUser }
  | { readonly do: 'delete user'; readonly username: string };

export interface Planned {
  readonly change: Change;
  readonly step: Step;
}

export interface RedisDifference {
  readonly planned: readonly Planned[];
  readonly notes: readonly Note[];
}

/** What the diff is told besides declaration and server. */
export interface DiffContext {
  readonly service: Pick<ServiceHandle, 'name' | 'service'>;
  /** SHA-256 of the users' passwords by their names in the topology; a user without one has no credentials in the binding. */
  readonly passwordHashes: ReadonlyMap<string, string>;
}
