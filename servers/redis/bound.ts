import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';

export interface BoundRedis extends BoundServer, Pick<BoundService, 'users'> {
  readonly primary: Address;
  readonly readers: readonly Address[];
  readonly maxMemoryMiB: number;
}

/** What the binding says of a primary and its replicas. */
export function bindRedis({ primary, readers, users, maxMemoryMiB, ...server }: BoundRedis): BoundService {
  return {
    kind: 'redis',
    role: server.role,
    endpoints: [...endpointsAs('primary', [primary]), ...endpointsAs('reader', readers)],
    ...boundTls(server),
    auth: { mode: 'password', secretRef: fileRef(server.passwordFile) },
    ...(users && { users }),
    limits: { maxMemoryMiB },
  };
}
