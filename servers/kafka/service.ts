import { javaProgram } from '../find/tools.ts';
import type { Hosting } from '../hosting.ts';
import { bindKafka } from './bound.ts';
import { clusterNodes, type KafkaCluster, waitForBrokers } from './cluster.ts';
import { kafkaDistribution } from './program.ts';

/** Brokers without ZooKeeper; the first three, or the only one, are their own controllers. */
export const kafkaHosting: Hosting<'kafka'> = {
  kind: 'kafka',
  software: [kafkaDistribution, javaProgram],
  plan({ name, role, settings, host, pathOf, place, secret, tls }) {
    const { brokers, replicationFactor, minInSyncReplicas, memoryMiB } = settings;
    const password = secret(name);
    const places = Array.from({ length: brokers }, (_, index) => place(`${name}-${index + 1}`, 'peers', 'controller'));
    const cluster: KafkaCluster = {
      ...{ name, host, replicationFactor, minInSyncReplicas, memoryMiB, tls: tls?.serverTls, password: password.value },
      programs: { java: pathOf(javaProgram), home: pathOf(kafkaDistribution) },
      nodes: places.map(({ port, ports, ...node }) => ({ ...node, ports: { ...ports, clients: port } })),
    };
    return {
      servers: clusterNodes(cluster).map((server, index) => ({ place: places[index]!, wave: 0, server })),
      finish: (options) => waitForBrokers(cluster, options),
      binding: bindKafka({
        ...{ role, tls: tls?.binding, passwordFile: password.ref, replicationFactor, minInSyncReplicas },
        brokers: places.map(({ port }) => ({ host, port })),
      }),
    };
  },
};
