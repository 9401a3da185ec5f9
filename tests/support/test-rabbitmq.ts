import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { type ServiceHandle, wrap } from '../../runtime/src/binding/index.ts';
import { findProgram, type Program } from '../../servers/find/program.ts';
import { settleAll } from '../../servers/local-process/settle.ts';
import type { LocalServer } from '../../servers/local-process/start.ts';
import { clusterEpmd, clusterNodes, describeNode, type RabbitCluster, waitForCluster } from '../../servers/rabbitmq/cluster.ts';
import { adminUser, vhost } from '../../servers/rabbitmq/config.ts';
import { controlEnvironment } from '../../servers/rabbitmq/environment.ts';
import { erlangProgram, rabbitProgram } from '../../servers/rabbitmq/program.ts';
import type { Certificate } from '../../servers/tls/authority.ts';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { testAuthority } from './test-authority.ts';
import { testHost } from './test-redis.ts';
import { runTestServer, type TestProcess, type TestServer } from './test-server.ts';

/** One node of a test's own RabbitMQ. */
export interface TestRabbitNode extends TestProcess {
  readonly host: string;
  /** Of AMQP over TLS. */
  readonly port: number;
  readonly managementPort: number;
  readonly metricsPort: number;
  /** Of the protocol between nodes. */
  readonly distributionPort: number;
  /** Erlang name, as rabbitmqctl says it. */
  readonly name: string;
}

/** A RabbitMQ broker of a test's own, with one node or three. */
export interface TestRabbit {
  readonly nodes: readonly TestRabbitNode[];
  /** Of the first node. */
  readonly host: string;
  readonly port: number;
  readonly managementPort: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  /** PEM text of the authority that signed its certificates. */
  readonly ca: string;
  /** What a service gets to know about it; `port` leads through a proxy, to whichever node the proxy leads. */
  handle(change?: RabbitHandleChange): ServiceHandle;
  /** rabbitmqctl, asked of the first node; takes 1 to 2 s. @returns what it printed */
  ctl(...args: string[]): Promise<string>;
  /** Ends it at once and removes its files. */
  stop(): Promise<void>;
}

export interface RabbitHandleChange {
  readonly port?: number;
  readonly password?: string;
  readonly username?: string;
  readonly ca?: string;
}

export interface TestRabbitOptions {
  /** @default 1 */
  readonly nodes?: 1 | 3;
  /** Further lines of rabbitmq.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What a single node shows to clients; may be an expired one. @default one of an authority of its own */
  readonly certificate?: Certificate;
}

const memoryMiB = 256;
/** AMQP, distribution, management and metrics. */
const portsPerNode = 4;

/** Starts RabbitMQ on free ports, in its own folder. Ready after 4 to 8 s; three nodes take 10 to 20 s. */
export async function startTestRabbit({ nodes = 1, settings, certificate }: TestRabbitOptions = {}): Promise<TestRabbit> {
  const [folder, authority] = await Promise.all([testFolder('rabbitmq'), testAuthority()]);
  const removeFiles = async () => {
    await Promise.all([folder.remove(), authority.remove()]);
  };
  return onFreePorts(folder, nodes * portsPerNode + 1, async (firstPort) => {
    const cluster: RabbitCluster = {
      ...describeCluster(folder.path, firstPort, nodes),
      tls: () => ({
        caFile: authority.caFile,
        issue: () => (certificate === undefined ? authority.issue() : Promise.resolve(certificate)),
      }),
      settings,
    };
    const started: TestServer[] = [];
    const run = async (server: Parameters<typeof runTestServer>[0]) => {
      const running = await runTestServer(server);
      started.push(running);
      return running;
    };
    const killAll = () => Promise.all(started.map((server) => server.kill()));
    try {
      await run(clusterEpmd(cluster));
      const servers = await settleAll(
        clusterNodes(cluster).map((node, index) => run(certificate ? unverified(node, cluster, index) : node)),
      );
      await waitForCluster(cluster, { timeoutMs: 30_000 });
      return testRabbit(cluster, servers, certificate?.ca ?? authority.ca, async () => {
        await killAll();
        await removeFiles();
      });
    } catch (error) {
      await killAll();
      throw error;
    }
  });
}

function describeCluster(path: string, firstPort: number, nodes: number): RabbitCluster {
  const member = (name: string, port: number) => ({
    name,
    port,
    dir: join(path, `${name}-${firstPort}`),
    logFile: join(path, `${name}.log`),
  });
  return {
    ...{ programs: requireFolder(rabbitProgram), erlang: requireFolder(erlangProgram), host: testHost, memoryMiB },
    ...{ password: randomBytes(12).toString('base64url'), cookie: randomBytes(12).toString('base64url') },
    nodes: Array.from({ length: nodes }, (_, index) => {
      const port = firstPort + index * portsPerNode;
      const node = member(`rabbit-${index + 1}`, port);
      return { ...node, distributionPort: port + 1, managementPort: port + 2, metricsPort: port + 3 };
    }),
    epmd: member('rabbit-epmd', firstPort + nodes * portsPerNode),
  };
}

function requireFolder(program: Program): string {
  const folder = findProgram(program, process.env);
  if (folder === undefined) throw new Error(`tests need ${program.title}: install ${program.debianPackage}`);
  return folder;
}

/** The node, ready when it lets the administrator in whatever certificate it shows. */
function unverified(server: LocalServer, { host, password, nodes }: RabbitCluster, index: number): LocalServer {
  const url = {
    protocol: 'amqps',
    hostname: host,
    port: nodes[index]!.port,
    username: adminUser,
    password,
    vhost: encodeURIComponent(vhost),
  };
  const probe = async (signal: AbortSignal) => {
    const socket = { rejectUnauthorized: false, signal };
    const connection = await connect(url, socket);
    connection.on('error', () => undefined);
    await connection.close();
  };
  return { ...server, probe };
}

function testRabbit(cluster: RabbitCluster, servers: readonly TestServer[], ca: string, stop: () => Promise<void>): TestRabbit {
  const { host, password } = cluster;
  const nodes = servers.map((server, index) => testNode(cluster, server, index));
  const [{ port, managementPort, name }, node] = [nodes[0]!, describeNode(cluster, cluster.nodes[0]!)];
  return {
    ...{ nodes, host, port, managementPort, username: adminUser, password, vhost, ca, stop },
    handle: (change = {}) => handleOf(cluster, { username: adminUser, password, ca, ...change }),
    ctl: async (...args) => {
      const program = join(cluster.programs, 'rabbitmqctl');
      const run = promisify(execFile)(program, ['--node', name, '--quiet', ...args], { env: controlEnvironment(node), timeout: 30_000 });
      return (await run).stdout;
    },
  };
}

function testNode(cluster: RabbitCluster, server: TestServer, index: number): TestRabbitNode {
  const node = cluster.nodes[index]!;
  const { port, managementPort, metricsPort, distributionPort } = node;
  return {
    ...{ host: cluster.host, port, managementPort, metricsPort, distributionPort, name: describeNode(cluster, node).nodeName },
    get pid() {
      return server.pid;
    },
    kill: server.kill,
    pause: server.pause,
    resume: server.resume,
    restart: server.restart,
  };
}

function handleOf(
  { host, nodes }: RabbitCluster,
  { port, username, password, ca }: Required<Omit<RabbitHandleChange, 'port'>> & { port?: number },
): ServiceHandle {
  const env = { TASKS_PASSWORD: password, TASKS_CA: ca };
  const purpose = nodes.length === 1 ? 'primary' : 'node';
  const ports = port === undefined ? nodes.map((node) => node.port) : [port];
  return wrap(
    {
      tasks: {
        kind: 'rabbitmq',
        role: 'tasks',
        vhost,
        endpoints: [
          ...ports.map((each) => ({ purpose, host, port: each }) as const),
          ...nodes.map(({ managementPort }) => ({ purpose: 'management', host, port: managementPort }) as const),
          ...nodes.map(({ metricsPort }) => ({ purpose: 'metrics', host, port: metricsPort, authMode: 'none' }) as const),
        ],
        tls: { caRef: { from: 'env', id: 'TASKS_CA' } },
        auth: { mode: 'password', username, secretRef: { from: 'env', id: 'TASKS_PASSWORD' } },
      },
    },
    { env },
  ).service('tasks');
}
