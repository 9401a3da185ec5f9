import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type Address, type BoundServer, boundTls, endpointsAs, fileRef } from '../bound.ts';
import { adminUser, vhost } from './config.ts';

export interface BoundRabbit extends BoundServer {
  /** Of AMQP, of the management interface and of the Prometheus plugin: as many of each. */
  readonly nodes: readonly Address[];
  readonly management: readonly Address[];
  readonly metrics: readonly Address[];
  readonly maxMemoryMiB: number;
}

/** What the binding says of a node or a cluster. Metrics are for everybody who reaches the port: the plugin knows no users. */
export function bindRabbit({ nodes, management, metrics, maxMemoryMiB, ...server }: BoundRabbit): BoundService {
  return {
    kind: 'rabbitmq',
    role: server.role,
    vhost,
    endpoints: [
      ...endpointsAs(nodes.length === 1 ? 'primary' : 'node', nodes),
      ...endpointsAs('management', management),
      ...endpointsAs('metrics', metrics, { authMode: 'none' }),
    ],
    ...boundTls(server),
    auth: { mode: 'password', username: adminUser, secretRef: fileRef(server.passwordFile) },
    limits: { maxMemoryMiB },
  };
}
