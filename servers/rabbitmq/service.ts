import type { Hosting, Place, ServiceRequest } from '../hosting.ts';
import { bindRabbit } from './bound.ts';
import { clusterEpmd, clusterNodes, type RabbitCluster, waitForCluster } from './cluster.ts';
import { erlangProgram, rabbitProgram } from './program.ts';

/** One node or a cluster of three, with its epmd. */
export const rabbitHosting: Hosting<'rabbitmq'> = {
  kind: 'rabbitmq',
  software: [rabbitProgram, erlangProgram],
  plan(request) {
    const { name, role, settings, host, secret, tls } = request;
    const { cluster, nodePlaces, epmdPlace } = describeCluster(request);
    return {
      servers: [
        { place: epmdPlace, wave: 0, server: clusterEpmd(cluster) },
        ...clusterNodes(cluster).map((server, index) => ({ place: nodePlaces[index]!, wave: 1, server })),
      ],
      finish: (options) => waitForCluster(cluster, options),
      binding: bindRabbit({
        ...{ role, tls: tls?.binding, passwordFile: secret(name).ref, maxMemoryMiB: settings.memoryMiB },
        nodes: cluster.nodes.map(({ port }) => ({ host, port })),
        management: cluster.nodes.map(({ managementPort: port }) => ({ host, port })),
        metrics: cluster.nodes.map(({ metricsPort: port }) => ({ host, port })),
      }),
    };
  },
};

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
