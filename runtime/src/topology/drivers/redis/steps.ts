import type { ServiceHandle } from '../../../binding/index.ts';
import type { DeclaredTenant } from '../../../contracts/declared-objects.ts';
import type { MillraceError } from '../../../contracts/errors.ts';
import type { Change, Note } from '../../driver.ts';
import type { DeclaredUser } from './declared.ts';
import type { StrayStream } from './read.ts';

/** How one change is carried out. */
export type Step =
  | { readonly do: 'create group' | 'delete group'; readonly stream: string; readonly group: string }
  | { readonly do: 'enter tenant'; readonly tenant: DeclaredTenant }
  | { readonly do: 'delete streams'; readonly streams: readonly StrayStream[]; readonly register?: string | undefined }
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

/** SHA-256 of users' passwords by the users' names in the topology, or why one could not be read; a user without one has no credentials in the binding. */
export type PasswordHashes = ReadonlyMap<string, string | MillraceError>;

/** What the diff is told besides declaration and server. */
export interface DiffContext {
  readonly service: Pick<ServiceHandle, 'name' | 'service'>;
  readonly passwordHashes: PasswordHashes;
}
