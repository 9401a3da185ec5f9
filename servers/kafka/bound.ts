import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';
import { superUser } from './config.ts';

export interface BoundKafka extends BoundServer {
  readonly brokers: readonly Address[];
  readonly replicationFactor: number;
  readonly minInSyncReplicas: number;
}

/** What the binding says of a cluster. */
export function bindKafka({ brokers, replicationFactor, minInSyncReplicas, ...server }: BoundKafka): BoundService {
  return {
    kind: 'kafka',
    role: server.role,
    endpoints: endpointsAs('bootstrap', brokers, { authMode: 'scram' }),
    ...boundTls(server),
    auth: { mode: 'scram', username: superUser, secretRef: fileRef(server.passwordFile) },
    limits: { brokers: brokers.length, replicationFactor, minInSyncReplicas },
  };
}
