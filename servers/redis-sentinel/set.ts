import { createHash } from 'node:crypto';
import type { ReadyOptions } from '../local-process/ready.ts';
import { pollUntil, startFailure } from '../local-process/ready.ts';
import type { LocalServer } from '../local-process/start.ts';
import type { AclUser } from '../redis/acl.ts';
import type { RedisSettings } from '../redis/config.ts';
import { redisProcess } from '../redis/process.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import type { SentinelAddress, SentinelSettings } from './config.ts';
import { majority } from './members.ts';
import { checkQuorum, recall, sentinelProcess } from './process.ts';

/** Where one process of the set listens and keeps its files. */
export interface SetMember {
  readonly name: string;
  readonly host: string;
  /** Another one for each of the set. */
  readonly port: number;
  readonly dir: string;
  readonly logFile: string;
}

/** A master, its replicas and the sentinels that watch them. */
export interface SentinelSet {
  readonly program: string;
  readonly masterName: string;
  readonly password: string;
  readonly sentinelPassword: string;
  /** The first one is the master until a fail-over chooses another. */
  readonly nodes: readonly SetMember[];
  readonly sentinels: readonly SetMember[];
  readonly node: Omit<RedisSettings, 'bind' | 'dir' | 'port' | 'password' | 'replicaOf'>;
  /** TLS of the process of that name. @default plain text */
  readonly tls?: ((name: string) => ServerTls) | undefined;
  /** ACL users of each node. @default none, and no file for any */
  readonly users?: readonly AclUser[] | undefined;
  readonly sentinel?: Pick<SentinelSettings, 'downAfterMs' | 'failoverTimeoutMs' | 'settings'>;
}

/** The Redis servers of the set, in the order of `nodes`. */
export function setNodes(set: SentinelSet): LocalServer[] {
  return set.nodes.map(({ name, host, port, dir, logFile }) =>
    redisProcess({
      ...{ name, dir, logFile, program: set.program, tls: set.tls?.(name), users: set.users },
      settings: () => ({ ...set.node, host, port, password: set.password, replicaOf: masterOf(set, port) }),
    }),
  );
}

/** The sentinels of the set. They are to be started when the nodes answer: a sentinel that finds the master silent would begin with a fail-over. */
export function setSentinels(set: SentinelSet): LocalServer[] {
  const { masterName, password, sentinelPassword } = set;
  return set.sentinels.map(({ name, host, port, dir, logFile }) =>
    sentinelProcess({
      ...{ name, dir, logFile, program: set.program, tls: set.tls?.(name) },
      settings: () => {
        const master = currentMaster(set);
        const replicas = set.nodes.filter((node) => node.port !== master.port).map((node) => ({ host: node.host, port: node.port }));
        const others = set.sentinels.filter((other) => other.port !== port);
        return {
          ...set.sentinel,
          host,
          port,
          password: sentinelPassword,
          quorum: majority(set.sentinels.length),
          master: { ...master, name: masterName, password },
          id: sentinelId(set, port),
          known: { replicas, sentinels: others.map((other) => ({ host: other.host, port: other.port, id: sentinelId(set, other.port) })) },
        };
      },
    }),
  );
}

/**
 * Waits until every sentinel sees the whole set.
 *
 * @throws {MillraceError} SERVER_START_FAILED naming what is missing.
 */
export async function waitForSet(set: SentinelSet, options: ReadyOptions): Promise<void> {
  const expected = { masterName: set.masterName, replicas: set.nodes.length - 1, otherSentinels: set.sentinels.length - 1 };
  const waits = set.sentinels.map(async (sentinel) => {
    const address = { host: sentinel.host, port: sentinel.port, password: set.sentinelPassword, caFile: set.tls?.(sentinel.name).caFile };
    const missing = await pollUntil(() => checkQuorum(address, expected), options);
    if (missing !== undefined) throw startFailure(sentinel, `could not carry out a fail-over (${(missing as Error).message})`, missing);
  });
  await Promise.all(waits);
}

/** What the sentinels agreed on last, running or not; before their first run the first node. */
function currentMaster({ nodes, sentinels, masterName }: SentinelSet): SentinelAddress {
  const memories = sentinels.flatMap(({ dir }) => recall(dir, masterName) ?? []);
  const latest = memories.toSorted((a, b) => b.epoch - a.epoch)[0]?.master;
  const known = latest !== undefined && nodes.some(({ port }) => port === latest.port);
  const [{ host, port }] = nodes as [SetMember];
  return known ? latest : { host, port };
}

/** A server that was master when it died must not come back as a second one. */
function masterOf(set: SentinelSet, port: number): SentinelAddress | undefined {
  const master = currentMaster(set);
  return master.port === port ? undefined : master;
}

/** The same at every start, so that the others recognise a sentinel that comes back. */
function sentinelId({ masterName, sentinelPassword }: SentinelSet, port: number): string {
  return createHash('sha256').update(`${masterName}:${port}:${sentinelPassword}`).digest('hex').slice(0, 40);
}
