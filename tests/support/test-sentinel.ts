import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { settleAll } from '../../servers/local-process/settle.ts';
import type { LocalServer } from '../../servers/local-process/start.ts';
import { askRedis, type RedisAddress } from '../../servers/redis/ask.ts';
import { masterAddress } from '../../servers/redis-sentinel/process.ts';
import { type SentinelSet, type SetMember, setNodes, setSentinels, waitForSet } from '../../servers/redis-sentinel/set.ts';
import type { ServerTls } from '../../servers/tls/server-tls.ts';
import { eventually } from './eventually.ts';
import { type TestFolder, testFolder } from './folders.ts';
import type { TestHosts } from './machines/hosts.ts';
import { onFreePorts } from './port-retry.ts';
import { requireRedis, type TestRedis, testHost, testRedis, testRedisSettings } from './test-redis.ts';
import { runTestServer, type TestServer } from './test-server.ts';

/** A Redis Sentinel set of a test's own: one master, two replicas, three sentinels. */
export interface TestSentinel {
  readonly masterName: string;
  readonly password: string;
  readonly sentinelPassword: string;
  /** PEM file of the authority that signed the certificates, when the set speaks TLS. */
  readonly caFile: string | undefined;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly nodes: readonly TestRedis[];
  /** The sentinels' own processes, in the order of `sentinels`. */
  readonly sentinelServers: readonly TestServer[];
  /** The node that the sentinels name as the master now. */
  master(): Promise<TestRedis>;
  stop(): Promise<void>;
}

export interface TestSentinelOptions {
  /** Further directives of each redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** @default 1000 */
  readonly downAfterMs?: number;
  /** @default 3000 */
  readonly failoverTimeoutMs?: number;
  /** @default 0: a test may kill server after server */
  readonly minReplicasToWrite?: number;
  /** Keep ACL users in a file, as the process engine does. @default false */
  readonly aclFile?: boolean;
  /** Servers and sentinels speak TLS and nothing else; a `TestAuthority` is one. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** A machine for each node and its sentinel. @default all are processes of this one */
  readonly hosts?: TestHosts | undefined;
}

const nodeCount = 3;
const sentinelCount = 3;
const masterName = 'events';

/** Starts the set and returns when every sentinel could carry out a fail-over. */
export async function startTestSentinel(options: TestSentinelOptions = {}): Promise<TestSentinel> {
  const program = requireRedis();
  const folder = await testFolder('sentinel');
  return onFreePorts(folder, nodeCount + sentinelCount, async (firstPort) => {
    const set = describeSet(program, folder, firstPort, options);
    const started: TestServer[] = [];
    try {
      const run = async (server: LocalServer, index: number) => {
        const running = await runTestServer(options.hosts?.placed(server, index) ?? server);
        started.push(running);
        return running;
      };
      const nodes = await settleAll(setNodes(set).map(run));
      const sentinels = await settleAll(setSentinels(set).map(run));
      await waitForSet(set, { timeoutMs: 20_000 });
      await Promise.all(
        set.sentinels.map((sentinel) =>
          shortenTilt({ ...addressOf(sentinel), password: set.sentinelPassword, caFile: options.tls?.caFile }),
        ),
      );
      return testSentinel(set, options.tls?.caFile, folder, nodes, sentinels);
    } catch (error) {
      await Promise.all(started.map((server) => server.kill()));
      throw error;
    }
  });
}

/** A sentinel that was without the processor for two seconds fails nothing over for the next 30, as machines that share one meet it. */
function shortenTilt(sentinel: RedisAddress): Promise<unknown> {
  // Older ones than 7.0 do not know the setting.
  return askRedis(sentinel, (client) => client.call('SENTINEL', 'DEBUG', 'tilt-period', '1000')).catch(() => undefined);
}

function describeSet(program: string, { path }: TestFolder, firstPort: number, options: TestSentinelOptions): SentinelSet {
  const { settings = {}, downAfterMs = 1_000, failoverTimeoutMs = 3_000, minReplicasToWrite = 0, tls, aclFile = false, hosts } = options;
  const member = (name: string, index: number, port: number) => ({
    ...{ name, port, host: hosts?.addresses[index] ?? testHost },
    dir: join(path, `${name}-${firstPort}`),
    logFile: join(path, `${name}.log`),
  });
  const count = (length: number) => Array.from({ length }, (_, index) => index);
  return {
    ...{ program, masterName, tls: tls && (() => tls), users: aclFile ? [] : undefined },
    password: randomBytes(12).toString('base64url'),
    sentinelPassword: randomBytes(12).toString('base64url'),
    nodes: count(nodeCount).map((index) => member(`node-${index + 1}`, index, firstPort + index)),
    sentinels: count(sentinelCount).map((index) => member(`sentinel-${index + 1}`, index, firstPort + nodeCount + index)),
    node: { ...testRedisSettings, minReplicasToWrite, settings },
    sentinel: { downAfterMs, failoverTimeoutMs },
  };
}

function addressOf({ host, port }: SetMember): { host: string; port: number } {
  return { host, port };
}

function testSentinel(
  set: SentinelSet,
  caFile: string | undefined,
  folder: TestFolder,
  nodeServers: TestServer[],
  sentinelServers: TestServer[],
): TestSentinel {
  const { password, sentinelPassword } = set;
  const nodes = nodeServers.map((server, index) =>
    testRedis(server, { ...addressOf(set.nodes[index]!), password, caFile, dir: set.nodes[index]!.dir }, async () => undefined),
  );
  const sentinels = set.sentinels.map(addressOf);
  return {
    ...{ masterName, password, sentinelPassword, caFile, sentinels, nodes, sentinelServers },
    master: () =>
      eventually(
        async () => {
          const addresses = await Promise.all(
            sentinels.map((sentinel) =>
              masterAddress({ ...sentinel, password: sentinelPassword, caFile }, masterName).catch(() => undefined),
            ),
          );
          const answer = addresses.find((address) => address !== undefined);
          return nodes.find(({ port }) => port === answer?.port);
        },
        { what: 'a sentinel names the master' },
      ),
    stop: async () => {
      await Promise.all(sentinelServers.map((server) => server.kill()));
      await Promise.all(nodeServers.map((server) => server.kill()));
      await folder.remove();
    },
  };
}
