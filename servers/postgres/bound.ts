import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';

export interface BoundPostgres extends BoundServer {
  readonly address: Address;
  readonly maxConnections: number;
}

/** The superuser. */
export const superUser = 'postgres';
/** The database that services find; `postgres` is left to administration. */
export const database = 'app';

/** What the binding says of a server. */
export function bindPostgres({ address, maxConnections, ...server }: BoundPostgres): BoundService {
  return {
    kind: 'postgres',
    role: server.role,
    database,
    endpoints: endpointsAs('primary', [address]),
    ...boundTls(server),
    auth: { mode: 'password', username: superUser, secretRef: fileRef(server.passwordFile) },
    limits: { maxConnections },
  };
}
