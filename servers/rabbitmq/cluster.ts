import { pollUntil, type ReadyOptions, startFailure } from '../local-process/ready.ts';
import type { LocalServer } from '../local-process/start.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { runningNodes } from './ask.ts';
import { adminUser } from './config.ts';
import { epmdProcess } from './epmd.ts';
import { type RabbitProcess, rabbitProcess } from './process.ts';

/** Where one node listens and keeps its files. */
export interface ClusterNode {
  readonly name: string;
  readonly port: number;
  readonly distributionPort: number;
  readonly managementPort: number;
  readonly metricsPort: number;
  readonly dir: string;
  readonly logFile: string;
}

/** One node or three on one machine, and the epmd that they share with nobody else. */
export interface RabbitCluster
  extends Pick<RabbitProcess, 'programs' | 'erlang' | 'host' | 'password' | 'cookie' | 'memoryMiB' | 'settings'> {
  readonly nodes: readonly ClusterNode[];
  readonly epmd: Pick<ClusterNode, 'name' | 'port' | 'dir' | 'logFile'>;
  /** TLS of the node of that name. @default plain text */
  readonly tls?: ((name: string) => ServerTls) | undefined;
}

/** To be started before the nodes, and stopped after them. */
export function clusterEpmd({ epmd, erlang, host }: RabbitCluster): LocalServer {
  return epmdProcess({ ...epmd, erlang, host });
}

/** The nodes, in the order of `nodes`; side by side they find each other, whoever of them is first. */
export function clusterNodes(cluster: RabbitCluster): LocalServer[] {
  return cluster.nodes.map((node) => rabbitProcess(describeNode(cluster, node)));
}

export function describeNode(cluster: RabbitCluster, node: ClusterNode): RabbitProcess {
  const { nodes, epmd, tls, ...rest } = cluster;
  const nodeNames = nodes.map(({ name }) => erlangName(name));
  return { ...rest, ...node, nodeName: erlangName(node.name), nodeNames, epmdPort: epmd.port, tls: tls?.(node.name) };
}

/** The same at every start: the data are kept under it. */
function erlangName(name: string): string {
  return `${name}@localhost`;
}

/**
 * Waits until every node sees all of them run.
 *
 * @throws {MillraceError} SERVER_START_FAILED naming the node that does not.
 */
export async function waitForCluster({ nodes, host, password, tls }: RabbitCluster, options: ReadyOptions): Promise<void> {
  if (nodes.length === 1) return;
  const waits = nodes.map(async (node) => {
    const management = { host, port: node.managementPort, user: adminUser, password, caFile: tls?.(node.name).caFile };
    const missing = await pollUntil(async (signal) => {
      const running = await runningNodes(management, signal);
      if (running < nodes.length) throw new Error(`it sees ${running} of ${nodes.length} nodes`);
    }, options);
    if (missing !== undefined) throw startFailure(node, `did not join the cluster (${(missing as Error).message})`, missing);
  });
  await Promise.all(waits);
}
