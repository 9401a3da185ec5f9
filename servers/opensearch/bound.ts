import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';
import { adminUser } from './security.ts';

export interface BoundOpenSearch extends BoundServer {
  readonly address: Address;
  readonly heapMiB: number;
}

/** What OpenSearch accepts in one request unless it is told otherwise. */
const maxRequestMiB = 100;

/** Below the server's folder for snapshots (`path.repo`), to which a relative path is relative. */
const repositoryFolder = 'archive';

/** What the binding says of a server that is a cluster of its own. */
export function bindOpenSearch({ address, heapMiB, ...server }: BoundOpenSearch): BoundService {
  return {
    kind: 'opensearch',
    role: server.role,
    endpoints: endpointsAs('primary', [address]),
    ...boundTls(server),
    auth: { mode: 'password', username: adminUser, secretRef: fileRef(server.passwordFile) },
    administration: { snapshotRepository: { type: 'fs', settings: { location: repositoryFolder } }, tiers: 'none' },
    limits: { heapMiB, maxRequestMiB },
  };
}
