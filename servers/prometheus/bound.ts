import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';
import { adminUser } from './web-config.ts';

/** What the binding says of a Prometheus or an Alertmanager. */
export function bindWatcher(
  kind: 'prometheus' | 'alertmanager',
  { address, ...server }: BoundServer & { readonly address: Address },
): BoundService {
  return {
    kind,
    role: server.role,
    endpoints: endpointsAs('primary', [address]),
    ...boundTls(server),
    auth: { mode: 'password', username: adminUser, secretRef: fileRef(server.passwordFile) },
  };
}
