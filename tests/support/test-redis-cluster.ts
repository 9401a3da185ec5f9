import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { settleAll } from '../../servers/local-process/settle.ts';
import { askRedis } from '../../servers/redis/ask.ts';
import { redisProcess } from '../../servers/redis/process.ts';
import type { ServerTls } from '../../servers/tls/server-tls.ts';
import { eventually } from './eventually.ts';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { requireRedis, type TestRedis, testHost, testRedis, testRedisSettings } from './test-redis.ts';
import { runTestServer, type TestServer } from './test-server.ts';

/** A Redis cluster of a test's own: three masters, each with a replica. */
export interface TestRedisCluster {
  readonly password: string;
  readonly caFile: string | undefined;
  /** Three that began as masters, then their replicas in the same order. */
  readonly nodes: readonly TestRedis[];
  /** The node that serves the slot of `key` now, as the others say. */
  masterOf(key: string): Promise<TestRedis>;
  /** Returns when every node says that all slots are served and each master has its replica. */
  complete(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestRedisClusterOptions {
  /** Further directives of each redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Silence after which the others begin with a fail-over. @default 1000 */
  readonly nodeTimeoutMs?: number;
  /** Clients and nodes speak TLS and nothing else; a `TestAuthority` is one. @default plain text */
  readonly tls?: ServerTls | undefined;
}

const masterCount = 3;
const nodeCount = 2 * masterCount;
const slotCount = 16_384;

/** Starts the cluster and returns when every node says that all slots are served. */
export async function startTestRedisCluster(options: TestRedisClusterOptions = {}): Promise<TestRedisCluster> {
  const program = requireRedis();
  const folder = await testFolder('redis-cluster');
  const password = randomBytes(12).toString('base64url');
  const caFile = options.tls?.caFile;
  return onFreePorts(folder, nodeCount, async (firstPort) => {
    const started: TestServer[] = [];
    const stop = async () => {
      await Promise.all(started.map((server) => server.kill()));
      await folder.remove();
    };
    const startNode = async (index: number) => {
      const port = firstPort + index;
      const dir = join(folder.path, `node-${port}`);
      const server = await runTestServer(
        redisProcess({
          ...{ name: `cluster-${index + 1}`, program, dir, logFile: join(folder.path, `node-${index + 1}.log`), tls: options.tls },
          settings: () => ({ ...testRedisSettings, host: testHost, port, password, settings: clusterSettings(port, options) }),
        }),
      );
      started.push(server);
      return testRedis(server, { host: testHost, port, password, caFile, dir }, async () => undefined);
    };
    try {
      const nodes = await settleAll(Array.from({ length: nodeCount }, (_, index) => startNode(index)));
      await form(nodes);
      return { password, caFile, nodes, masterOf: (key) => masterOf(nodes, key), complete: () => allComplete(nodes), stop };
    } catch (error) {
      await Promise.all(started.map((server) => server.kill()));
      throw error;
    }
  });
}

function clusterSettings(port: number, { settings = {}, nodeTimeoutMs = 1_000, tls }: TestRedisClusterOptions): Record<string, string> {
  return {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(nodeTimeoutMs),
    // A replica counts when it has received something; the default pings every 10 s.
    'repl-ping-replica-period': '1',
    // Ports of 20,000 and more plus the usual 10,000 would run into those of outgoing connections.
    'cluster-port': String(port - 10_000),
    ...(tls && { 'tls-cluster': 'yes' }),
    ...settings,
  };
}

/** Introduces the nodes to each other, shares out the slots, and makes the second half replicas of the first. */
async function form(nodes: readonly TestRedis[]): Promise<void> {
  const masters = nodes.slice(0, masterCount);
  const share = Math.ceil(slotCount / masterCount);
  for (const [index, master] of masters.entries()) {
    const last = Math.min((index + 1) * share, slotCount) - 1;
    await askRedis(master, (client) => client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, last));
    await askRedis(master, (client) => client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1));
  }
  // Each to each: left to gossip, which meets a few nodes a second, it takes three times as long.
  for (const [index, node] of nodes.entries()) {
    const later = nodes.slice(index + 1);
    await askRedis(node, (client) => Promise.all(later.map(({ host, port }) => client.call('CLUSTER', 'MEET', host, port, port - 10_000))));
  }
  for (const [index, replica] of nodes.slice(masterCount).entries()) {
    const masterId = await askRedis(masters[index]!, (client) => client.call('CLUSTER', 'MYID'));
    await eventually(() => askRedis(replica, (client) => client.call('CLUSTER', 'REPLICATE', String(masterId))), {
      what: 'a replica knows its master',
      timeoutMs: 20_000,
    });
  }
  await allComplete(nodes);
}

async function allComplete(nodes: readonly TestRedis[]): Promise<void> {
  await Promise.all(nodes.map(complete));
}

/** Waits until `node` sees every slot served, and every master with its replica. */
function complete(node: TestRedis): Promise<boolean> {
  return eventually(
    () =>
      askRedis(node, async (client) => {
        const info = String(await client.call('CLUSTER', 'INFO'));
        const shards = (await client.call('CLUSTER', 'SLOTS')) as unknown[][];
        return info.includes('cluster_state:ok') && shards.length === masterCount && shards.every((shard) => shard.length === 4);
      }),
    { what: 'the cluster is complete', timeoutMs: 20_000 },
  );
}

/** Asks one node after the other: some may be stopped. */
async function masterOf(nodes: readonly TestRedis[], key: string): Promise<TestRedis> {
  const slots = await Promise.any(
    nodes.map((node) =>
      askRedis(node, async (client) => {
        const slot = await client.cluster('KEYSLOT', key);
        const shards = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
        return shards.find(([from, to]) => slot >= from && slot <= to)?.[2][1];
      }),
    ),
  );
  const master = nodes.find(({ port }) => port === slots);
  if (master === undefined) throw new Error(`no node serves the slot of ${key}`);
  return master;
}
