import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';

export interface BoundSentinel extends BoundServer, Pick<BoundService, 'users'> {
  readonly masterName: string;
  readonly nodes: readonly Address[];
  readonly sentinels: readonly Address[];
  readonly sentinelPasswordFile: string;
  readonly maxMemoryMiB: number;
}

/** What the binding says of a set. */
export function bindSentinel({
  masterName,
  nodes,
  sentinels,
  users,
  sentinelPasswordFile,
  maxMemoryMiB,
  ...server
}: BoundSentinel): BoundService {
  return {
    kind: 'redis-sentinel',
    role: server.role,
    masterName,
    endpoints: [...endpointsAs('sentinel', sentinels), ...endpointsAs('node', nodes)],
    ...boundTls(server),
    auth: { mode: 'password', secretRef: fileRef(server.passwordFile), sentinelSecretRef: fileRef(sentinelPasswordFile) },
    ...(users && { users }),
    limits: { maxMemoryMiB },
  };
}
