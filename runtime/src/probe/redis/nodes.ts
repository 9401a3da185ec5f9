import type { Cluster, Redis } from 'ioredis';
import type { ServiceHandle } from '../../binding/index.ts';
import { redisError } from '../../connections/redis/errors.ts';
import type { RedisClient } from '../../connections/redis/index.ts';
import { nodesOf, visitNode } from '../../connections/redis/nodes.ts';
import type { Endpoint } from '../../contracts/binding.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Sample } from '../../contracts/signals.ts';
import { type Info, parseInfo } from '../../health/redis-rules.ts';
import { replicasInSync, replicationSamples, serverSamples } from './info.ts';

export interface NodesSeen {
  readonly samples: readonly Sample[];
  /** Why one of them could not be asked, when it was there. */
  readonly fault?: Error | undefined;
}

/** What came of asking one server: undefined as its INFO when it is away. */
interface Answer {
  readonly address: string;
  readonly info?: Info;
  readonly fault?: Error;
}

/**
 * One INFO to each server of a service. A replica that cannot be reached is no reason to tell nothing of the others: its samples are missing, and
 * `redis.replicas.missing` says why.
 */
export async function lookAtNodes(service: ServiceHandle, client: RedisClient): Promise<NodesSeen> {
  return client.isCluster ? lookAtCluster(service.name, client as Cluster) : lookAtSet(service, client as Redis);
}

/** A master with its replicas. */
async function lookAtSet(handle: ServiceHandle, client: Redis): Promise<NodesSeen> {
  const { name: service, service: bound } = handle;
  const [named, ...others] = nodesOf(handle);
  // Sentinels lead to the master, and the binding does not say which of the nodes that is.
  const isNamed = bound.kind === 'redis' && named !== undefined;
  const visited = isNamed ? others : nodesOf(handle);
  const [master, ...answers] = await Promise.all([client.info().then(parseInfo), ...visited.map((endpoint) => visit(handle, endpoint))]);
  const { remoteAddress, remotePort } = client.stream;
  const address = isNamed ? addressOf(named) : `${remoteAddress}:${remotePort}`;
  const expected = isNamed ? others.length : Math.max(0, visited.length - 1);
  const missing = Math.max(0, expected - replicasInSync(master));
  const samples: Sample[] = [
    ...(isNamed || visited.length === 0 ? serverSamples(service, address, master) : []),
    ...ownSamples(service, answers),
    ...replicationSamples(service, master),
    // Without a name for any, nothing says how many there should be.
    ...(isNamed || visited.length > 0 ? [{ signal: 'redis.replicas.missing', labels: { service }, value: missing } as const] : []),
  ];
  return { samples, fault: faultOf(answers) };
}

/** No binding names the replicas of a cluster, so none is missed; the cluster itself replaces what it loses. */
async function lookAtCluster(service: string, cluster: Cluster): Promise<NodesSeen> {
  const nodes = cluster.nodes('all');
  const answers = await Promise.all(nodes.map((node) => answerOf(`${node.options.host}:${node.options.port}`, node.info())));
  const replication = answers.flatMap(({ info }) => (info === undefined ? [] : replicationSamples(service, info)));
  return { samples: [...ownSamples(service, answers), ...replication], fault: faultOf(answers) };
}

/** With IAM the address of readers leads to any of them, and AWS tells of each by itself. */
async function visit(handle: ServiceHandle, endpoint: Endpoint): Promise<Answer> {
  const { auth } = handle.service;
  const address = addressOf(endpoint);
  if (auth.mode === 'iam') return { address };
  return answerOf(
    address,
    visitNode(handle, endpoint, { name: 'millrace-probe', auth }, (node) => node.info()),
  );
}

async function answerOf(address: string, asked: Promise<string>): Promise<Answer> {
  try {
    return { address, info: parseInfo(await asked) };
  } catch (error) {
    const fault = redisError(error, `redis node ${address}`);
    const isAway = isMillraceError(fault, 'CONNECTION_FAILED') || isMillraceError(fault, 'CONNECTION_TIMEOUT');
    return isAway ? { address } : { address, fault };
  }
}

function ownSamples(service: string, answers: readonly Answer[]): Sample[] {
  return answers.flatMap(({ address, info }) => (info === undefined ? [] : serverSamples(service, address, info)));
}

function faultOf(answers: readonly Answer[]): Error | undefined {
  return answers.find(({ fault }) => fault !== undefined)?.fault;
}

function addressOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}
