import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import type { Hosting, Place, ServiceRequest } from '../hosting.ts';
import { adminUser, vhost } from './ask.ts';
import { type ClusterNode, clusterEpmd, clusterNodes, type RabbitCluster, waitForCluster } from './cluster.ts';
import { erlangProgram, rabbitProgram } from './program.ts';

/** One node or a cluster of three, with its epmd. */
export const rabbitHosting: Hosting<'rabbitmq'> = {
  kind: 'rabbitmq',
  software: [rabbitProgram, erlangProgram],
  plan(request) {
    const { name, role, settings, host, secret, tls } = request;
    const { cluster, nodePlaces, epmdPlace } = describeCluster(request);
    const purpose = settings.nodes === 1 ? 'primary' : 'node';
    return {
      servers: [
        { place: epmdPlace, wave: 0, server: clusterEpmd(cluster) },
        ...clusterNodes(cluster).map((server, index) => ({ place: nodePlaces[index]!, wave: 1, server })),
      ],
      finish: (options) => waitForCluster(cluster, options),
      binding: {
        kind: 'rabbitmq',
        role,
        vhost,
        endpoints: [...cluster.nodes.map(({ port }) => ({ purpose, host, port }) as const), ...httpEndpoints(host, cluster.nodes)],
        ...(tls && { tls: tls.binding }),
        auth: { mode: 'password', username: adminUser, secretRef: { from: 'file', id: secret(name).ref } },
        limits: { maxMemoryMiB: settings.memoryMiB },
      },
    };
  },
};

/** Metrics are for everybody on this machine: the plugin knows no users. */
function httpEndpoints(host: string, nodes: readonly ClusterNode[]): BoundService['endpoints'] {
  return [
    ...nodes.map(({ managementPort }) => ({ purpose: 'management' as const, host, port: managementPort })),
    ...nodes.map(({ metricsPort }) => ({ purpose: 'metrics' as const, host, port: metricsPort, authMode: 'none' as const })),
  ];
}

function describeCluster({ name, host, settings, pathOf, place, secret, tls }: ServiceRequest<'rabbitmq'>) {
  const ids = settings.nodes === 1 ? [name] : Array.from({ length: settings.nodes }, (_, index) => `${name}-${index + 1}`);
  const nodePlaces = ids.map((id) => place(id, 'distribution', 'management', 'metrics'));
  const epmdPlace: Place = place(`${name}-epmd`);
  const cluster: RabbitCluster = {
    ...{ programs: pathOf(rabbitProgram), erlang: pathOf(erlangProgram), host, memoryMiB: settings.memoryMiB },
    ...{ password: secret(name).value, cookie: secret(`${name}-cookie`).value },
    nodes: nodePlaces.map(({ ports, ...at }) => ({
      ...at,
      distributionPort: ports.distribution,
      managementPort: ports.management,
      metricsPort: ports.metrics,
    })),
    epmd: epmdPlace,
    tls: tls?.serverTls,
  };
  return { cluster, nodePlaces, epmdPlace };
}
