import { createHash } from 'node:crypto';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import type { ServiceRequest } from '../hosting.ts';
import type { AclUser } from './acl.ts';

/** The ACL users of a service with a password each: for the servers' ACL files, and for the binding. */
export interface ServiceUsers {
  readonly acl: readonly AclUser[];
  readonly binding: Pick<BoundService, 'users'>;
}

/** A password, or its hash where the password is not known yet. */
type Secret = { readonly ref: string } & ({ readonly value: string } | { readonly hash: string });

export function serviceUsers({
  name,
  users,
  secret,
}: Pick<ServiceRequest, 'name' | 'users'> & { readonly secret: (id: string) => Secret }): ServiceUsers {
  const known = users.map((user) => ({ ...user, password: secret(`${name}-user-${user.name}`) }));
  const bound = known.map(({ name: username, password }) => {
    return [username, { mode: 'acl' as const, username, secretRef: { from: 'file' as const, id: password.ref } }];
  });
  return {
    acl: known.map(({ name: username, rules, password }) => ({
      name: username,
      rules,
      passwordHash: 'hash' in password ? password.hash : sha256(password.value),
    })),
    binding: known.length === 0 ? {} : { users: Object.fromEntries(bound) },
  };
}

/** What Redis keeps of a password, hexadecimal. */
export function sha256(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}
