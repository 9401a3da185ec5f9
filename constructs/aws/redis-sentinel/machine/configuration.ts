import { renderAclFile, replicationRules, serviceRules } from '../../../../servers/redis/acl.ts';
import { renderRedisConf } from '../../../../servers/redis/config.ts';
import { renderSentinelConf } from '../../../../servers/redis-sentinel/config.ts';
import { places } from './places.ts';
import type { MachineSettings } from './settings.ts';

/** Stands in a template until the machine knows the value. */
const later = (name: string): string => `@${name}@`;

const tlsFiles = {
  certFile: `${places.runtime}/tls/server.pem`,
  keyFile: `${places.runtime}/tls/server.key`,
  caFile: `${places.runtime}/tls/ca.pem`,
};

/** Two of three sentinels must agree. */
const majority = (count: number): number => Math.floor(count / 2) + 1;

/** redis.conf of this machine, from the renderer that local processes use; secrets and the master are filled in by the machine. */
export function redisTemplate({ nodes, node, ports, settings }: MachineSettings): string {
  const { host } = nodes[node]!;
  return renderRedisConf({
    bind: ['0.0.0.0'],
    port: 0,
    tls: { port: ports.redis, ...tlsFiles },
    dir: `${places.volume}/redis`,
    password: later('REPLICATION_PASSWORD'),
    masterUser: later('REPLICATION_USER'),
    aclFile: `${places.runtime}/users.acl`,
    maxMemoryMiB: settings.memoryMiB,
    maxMemoryPolicy: settings.maxMemoryPolicy,
    replicaOf: { host: later('MASTER_HOST'), port: ports.redis },
    announce: { host, port: ports.redis },
    minReplicasToWrite: 1,
  });
}

/** sentinel.conf of this machine, from the renderer that local processes use. Sentinel writes into it, so it lies on the data volume. */
export function sentinelTemplate({ masterName, nodes, node, ports, settings }: MachineSettings): string {
  const others = nodes.flatMap(({ host }, index) => (index === node ? [] : [{ host, port: ports.sentinel, id: later(`ID_${index}`) }]));
  return renderSentinelConf({
    bind: ['0.0.0.0'],
    port: 0,
    tls: { port: ports.sentinel, ...tlsFiles },
    dir: `${places.volume}/sentinel`,
    password: later('SENTINEL_PASSWORD'),
    hostNames: true,
    master: {
      name: masterName,
      host: later('MASTER_HOST'),
      port: ports.redis,
      username: later('REPLICATION_USER'),
      password: later('REPLICATION_PASSWORD'),
    },
    quorum: majority(nodes.length),
    downAfterMs: settings.downAfterMs,
    failoverTimeoutMs: settings.failoverTimeoutMs,
    id: later(`ID_${node}`),
    // The machine leaves out the one that is the master.
    known: { replicas: nodes.map(({ host }) => ({ host, port: ports.redis })), sentinels: others },
    announce: { host: nodes[node]!.host, port: ports.sentinel },
  });
}

/** What the machine's own scripts ask of Redis besides what replicas and sentinels do. */
const scriptRules = ['+dbsize', '+bgsave', '+config|get', '+config|set'];
/**
 * What newer sentinels send besides: `replicaof` is to an ACL another command than `slaveof`, and Valkey 9.0 aborts a fail-over of its own before every one.
 * Without these no master would be chosen.
 *
 * @see https://github.com/valkey-io/valkey/issues/2779
 */
const newerSentinels = ['+replicaof', '+failover'];

/** What `millrace apply` does with users. Whoever may set them may do anything, so no service is this user; it needs no key for it. */
const applyRules = [
  ...['resetchannels', '-@all', '+ping', '+client|setname', '+command', '+config|get'],
  ...['setuser', 'deluser', 'getuser', 'users', 'save'].map((subcommand) => `+acl|${subcommand}`),
];

/** The users that are there whatever the topology says: services, whoever keeps the set together, and whoever sets the topology's. */
export function usersTemplate(): string {
  return renderAclFile([
    { name: later('APP_USER'), passwordHash: later('APP_HASH'), rules: serviceRules },
    {
      name: later('REPLICATION_USER'),
      passwordHash: later('REPLICATION_HASH'),
      rules: [...replicationRules, ...newerSentinels, ...scriptRules],
    },
    { name: later('APPLY_USER'), passwordHash: later('APPLY_HASH'), rules: applyRules },
  ]);
}
