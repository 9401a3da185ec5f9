import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServiceHandle, wrap } from '../../runtime/src/binding/index.ts';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { findSoftware } from '../../servers/find/index.ts';
import { javaProgram } from '../../servers/find/tools.ts';
import type { BrokerAddress } from '../../servers/kafka/ask.ts';
import { clusterNodes, type KafkaCluster, waitForBrokers } from '../../servers/kafka/cluster.ts';
import { superUser } from '../../servers/kafka/config.ts';
import type { KafkaPrograms } from '../../servers/kafka/java.ts';
import { kafkaDistribution } from '../../servers/kafka/program.ts';
import type { LocalServer } from '../../servers/local-process/start.ts';
import type { CertificateRequest } from '../../servers/tls/authority.ts';
import { type TestFolder, testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { type TestAuthority, testAuthority } from './test-authority.ts';
import { testHost } from './test-redis.ts';
import { runTestServer, type TestProcess, type TestServer } from './test-server.ts';

/** A Kafka cluster of a test's own, which clients reach over TLS with SCRAM-SHA-512. */
export interface TestKafka {
  /** Where the brokers listen, whatever they advertise; in the order of `nodes`. */
  readonly brokers: readonly BrokerAddress[];
  readonly username: string;
  readonly password: string;
  /** PEM text of the authority that signed the brokers' certificates, and a file with it; undefined in plain text. */
  readonly ca: string | undefined;
  readonly caFile: string | undefined;
  /** The first one has number 1 in Kafka. */
  readonly nodes: readonly TestKafkaNode[];
  /** What a service gets to know about the cluster, for `connectKafka`. */
  handle(change?: TestKafkaChange): ServiceHandle;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

export interface TestKafkaNode extends TestProcess {}

export interface TestKafkaChange {
  /** In place of every bootstrap address, on this machine. */
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  /** PEM text. */
  readonly ca?: string;
  /** Filled with the secrets that the handle refers to; the test may change them afterwards, as a rotation does. */
  readonly env?: Record<string, string>;
}

export interface TestKafkaOptions {
  /** @default 1 */
  readonly nodes?: 1 | 3;
  /** Further lines of server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What clients are shown: dates in the past for an expired certificate. Brokers show each other a good one. */
  readonly certificate?: Partial<CertificateRequest>;
  /** @default true */
  readonly tls?: boolean;
  /** Address that clients are to use for the node of this index (0 is the first), such as that of a proxy before it. @default where it listens */
  readonly advertise?: (node: number, listens: BrokerAddress) => BrokerAddress | Promise<BrokerAddress>;
}

const memoryMiB = 256;
const portsPerNode = 3;

/** Starts the brokers on free ports and returns when each of them knows of the others. */
export async function startTestKafka(options: TestKafkaOptions = {}): Promise<TestKafka> {
  const programs = await requireKafka();
  const [folder, authority] = [await testFolder('kafka'), options.tls === false ? undefined : await testAuthority()];
  const remove = async (): Promise<void> => {
    await Promise.all([folder.remove(), authority?.remove()]);
  };
  return onFreePorts({ ...folder, remove }, (options.nodes ?? 1) * portsPerNode, async (firstPort) => {
    const cluster = await describeCluster(options, { programs, folder, firstPort, authority });
    const servers = await runAll(serversOf(cluster));
    try {
      if (cluster.clientsTls === undefined) await waitForBrokers(cluster, { timeoutMs: 30_000 });
    } catch (error) {
      await killAll(servers);
      throw error;
    }
    return testKafka(cluster, { servers, authority, remove });
  });
}

let found: Promise<KafkaPrograms> | undefined;

/** Fetched once a machine, by whoever comes first. */
function requireKafka(): Promise<KafkaPrograms> {
  found ??= findSoftware([kafkaDistribution, javaProgram], {
    ...{ env: process.env, cwd: tmpdir(), installLog: join(tmpdir(), 'millrace-install.log') },
    ...{ onInstall: () => undefined, onFetch: () => undefined },
  }).then((software) => ({ java: software.get(javaProgram)!.path, home: software.get(kafkaDistribution)!.path }));
  return found;
}

interface Ground {
  readonly programs: KafkaPrograms;
  readonly folder: TestFolder;
  readonly firstPort: number;
  readonly authority: TestAuthority | undefined;
}

async function describeCluster(options: TestKafkaOptions, { programs, folder, firstPort, authority }: Ground): Promise<KafkaCluster> {
  const { nodes: count = 1, settings, certificate, advertise } = options;
  const nodes = Array.from({ length: count }, async (_, index) => {
    const [name, clients] = [`kafka-${index + 1}`, firstPort + index];
    return {
      ...{ name, dir: join(folder.path, `${name}-${firstPort}`), logFile: join(folder.path, `${name}.log`) },
      ports: { clients, peers: clients + count, controller: clients + 2 * count },
      advertised: await advertise?.(index, { host: testHost, port: clients }),
    };
  });
  const copies = count === 1 ? { replicationFactor: 1, minInSyncReplicas: 1 } : { replicationFactor: 3, minInSyncReplicas: 2 };
  return {
    ...{ name: 'test-kafka', programs, host: testHost, memoryMiB, settings, ...copies },
    password: randomBytes(12).toString('base64url'),
    nodes: await Promise.all(nodes),
    tls: authority && (() => authority),
    clientsTls: certificate && authority && { issue: () => authority.issue(certificate) },
  };
}

/** Whoever checks certificates cannot tell whether a broker with a bad one is ready. */
function serversOf(cluster: KafkaCluster): LocalServer[] {
  const servers = clusterNodes(cluster);
  if (cluster.clientsTls === undefined) return servers;
  return servers.map((server, index) => ({ ...server, probe: () => listens(cluster.nodes[index]!.ports.clients) }));
}

async function listens(port: number): Promise<void> {
  const socket = connect({ host: testHost, port });
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

/** All at once: the first one cannot become ready without a second. */
async function runAll(servers: readonly LocalServer[]): Promise<TestServer[]> {
  const outcomes = await Promise.allSettled(servers.map(runTestServer));
  const running = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure === undefined) return running;
  await killAll(running);
  throw failure.reason;
}

async function killAll(servers: readonly TestServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.kill()));
}

interface Parts {
  readonly servers: readonly TestServer[];
  readonly authority: TestAuthority | undefined;
  remove(): Promise<void>;
}

function testKafka(cluster: KafkaCluster, { servers, authority, remove }: Parts): TestKafka {
  const { password } = cluster;
  const brokers = cluster.nodes.map(({ ports }) => ({ host: testHost, port: ports.clients }));
  const known = { brokers, username: superUser, password, ca: authority?.ca, caFile: authority?.caFile };
  return {
    ...known,
    nodes: servers.map(testNode),
    handle: (change = {}) => handleOf(known, change),
    stop: async () => {
      await killAll(servers);
      await remove();
    },
  };
}

function testNode(server: TestServer): TestKafkaNode {
  return {
    get pid() {
      return server.pid;
    },
    kill: server.kill,
    pause: server.pause,
    resume: server.resume,
    restart: server.restart,
  };
}

function handleOf(known: Pick<TestKafka, 'brokers' | 'username' | 'password' | 'ca'>, change: TestKafkaChange): ServiceHandle {
  const env = change.env ?? {};
  env.KAFKA_PASSWORD = change.password ?? known.password;
  const ca = change.ca ?? known.ca;
  if (ca !== undefined) env.KAFKA_CA = ca;
  const addresses = change.port === undefined ? known.brokers : [{ host: testHost, port: change.port }];
  const service: BoundService = {
    kind: 'kafka',
    role: 'log',
    endpoints: addresses.map((address) => ({ purpose: 'bootstrap', ...address, authMode: 'scram' })),
    ...(ca !== undefined && { tls: { caRef: { from: 'env', id: 'KAFKA_CA' } } }),
    auth: { mode: 'scram', username: change.username ?? known.username, secretRef: { from: 'env', id: 'KAFKA_PASSWORD' } },
  };
  return wrap({ log: service }, { env }).service('log');
}
