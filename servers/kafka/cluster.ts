import { pollUntil, type ReadyOptions, startFailure } from '../local-process/ready.ts';
import type { LocalServer } from '../local-process/start.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { type BrokerAddress, brokersSeenBy } from './ask.ts';
import { type KafkaPorts, type KafkaSettings, superUser, votersAmong } from './config.ts';
import { clusterFormat } from './format.ts';
import type { KafkaPrograms } from './java.ts';
import { kafkaProcess } from './process.ts';

/** Where one node listens and keeps its files. */
export interface KafkaNode {
  readonly name: string;
  readonly ports: KafkaPorts;
  readonly dir: string;
  readonly logFile: string;
  /** How clients reach it, where that differs from the address it listens on. */
  readonly advertised?: BrokerAddress | undefined;
}

/** Brokers that form one cluster, all on one machine. */
export interface KafkaCluster extends Pick<KafkaSettings, 'replicationFactor' | 'minInSyncReplicas' | 'settings'> {
  readonly name: string;
  readonly programs: KafkaPrograms;
  readonly host: string;
  readonly password: string;
  /** Heap of each node. */
  readonly memoryMiB: number;
  /** Numbered from 1 in this order. */
  readonly nodes: readonly KafkaNode[];
  /** TLS of the process of that name. @default plain text */
  readonly tls?: ((name: string) => ServerTls) | undefined;
  /** What clients are shown instead. @default tls */
  readonly clientsTls?: Pick<ServerTls, 'issue'> | undefined;
}

/** The servers of the cluster, in the order of `nodes`. They are to be started together: a controller alone cannot be elected by itself. */
export function clusterNodes(cluster: KafkaCluster): LocalServer[] {
  const { name, programs, host, password, memoryMiB, nodes, tls, clientsTls, replicationFactor, minInSyncReplicas, settings } = cluster;
  const controllers = controllersOf(cluster);
  const format = clusterFormat({ name, username: superUser, password, controllers: controllers.length }, programs);
  return nodes.map((node, index) =>
    kafkaProcess({
      ...{ name: node.name, dir: node.dir, logFile: node.logFile, programs, memoryMiB, format },
      ...{ brokers: nodes.length, tls: tls?.(node.name), clientsTls },
      settings: {
        ...{ nodeId: index + 1, host, ports: node.ports, advertised: node.advertised },
        ...{ controllers, username: superUser, password, replicationFactor, minInSyncReplicas, settings },
      },
    }),
  );
}

function controllersOf({ nodes, host }: KafkaCluster): KafkaSettings['controllers'] {
  return nodes.slice(0, votersAmong(nodes.length)).map(({ ports }, index) => ({ nodeId: index + 1, host, port: ports.controller }));
}

/**
 * Waits until every broker knows of all the others.
 *
 * @throws {MillraceError} SERVER_START_FAILED naming who is missing.
 */
export async function waitForBrokers(cluster: KafkaCluster, options: ReadyOptions): Promise<void> {
  const { host, password, nodes, tls } = cluster;
  const waits = nodes.map(async (node) => {
    const login = { host, port: node.ports.clients, username: superUser, password, caFile: tls?.(node.name).caFile };
    const missing = await pollUntil(async () => {
      const seen = await brokersSeenBy(login);
      if (seen.length < nodes.length) throw new Error(`it sees ${seen.length} of ${nodes.length} brokers: ${seen.sort().join(', ')}`);
    }, options);
    if (missing !== undefined) throw startFailure(node, `is not in touch with all others (${(missing as Error).message})`, missing);
  });
  await Promise.all(waits);
}
