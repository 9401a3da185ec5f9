import { type CheckOptions, type CheckOutcome, type Fault, type Observation, outcomeOf } from './check.ts';

/** Options of `redisCheck`. */
export interface RedisCheckOptions extends CheckOptions {
  /** `down` unless the server is a master. @default true */
  readonly writable?: boolean;
  /** `down` when the server may evict keys. @default false */
  readonly forStreams?: boolean;
  /** Share of `maxmemory` above which the server is `degraded`. @default 0.9 */
  readonly memoryWarnRatio?: number;
  /** Replicas in touch with their master, below which it is `degraded`. @default 0 */
  readonly minReplicas?: number;
  /** Silence between a master and a replica above which they are `degraded`. @default 10 */
  readonly maxReplicaLagSeconds?: number;
}

/** What INFO says, by field. */
export type Info = ReadonlyMap<string, string>;

type Rule = (info: Info) => Fault | false;

/** Judges one server by its INFO; remembers what it saw last, where a change is the fault. */
export function redisRules(options: RedisCheckOptions): (info: Info) => CheckOutcome {
  const rules = [...stateRules(options), ...replicationRules(options), rejectsConnections()];
  return (info) =>
    outcomeOf(
      rules.flatMap((rule) => rule(info) || []),
      observe(info),
    );
}

export function parseInfo(text: string): Info {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

function stateRules({ forStreams = false, memoryWarnRatio = 0.9 }: RedisCheckOptions): Rule[] {
  return [
    (info) => info.get('loading') === '1' && { status: 'down', code: 'REDIS_LOADING', reason: 'the server is loading its data' },
    (info) => {
      const policy = info.get('maxmemory_policy');
      return (
        forStreams &&
        policy !== 'noeviction' && {
          status: 'down',
          code: 'REDIS_EVICTS',
          reason: `the server may evict streams (maxmemory-policy ${policy})`,
        }
      );
    },
    (info) => {
      const ratio = memoryRatio(info);
      return (
        ratio !== undefined &&
        ratio > memoryWarnRatio && { status: 'degraded', code: 'REDIS_MEMORY_HIGH', reason: `memory is ${Math.round(ratio * 100)} % used` }
      );
    },
    (info) =>
      (info.get('aof_last_write_status') ?? 'ok') !== 'ok' && {
        status: 'degraded',
        code: 'REDIS_PERSISTENCE_FAILED',
        reason: 'the last write of the AOF failed',
      },
    (info) =>
      (info.get('rdb_last_bgsave_status') ?? 'ok') !== 'ok' && {
        status: 'degraded',
        code: 'REDIS_PERSISTENCE_FAILED',
        reason: 'the last snapshot failed',
      },
  ];
}

function replicationRules({ writable = true, minReplicas = 0, maxReplicaLagSeconds = 10 }: RedisCheckOptions): Rule[] {
  return [
    (info) =>
      writable &&
      info.get('role') === 'slave' && { status: 'down', code: 'REDIS_NOT_MASTER', reason: 'the server is a replica and takes no writes' },
    (info) =>
      (info.get('master_link_status') ?? 'up') !== 'up' && {
        status: 'degraded',
        code: 'REDIS_REPLICA_DETACHED',
        reason: 'the replica has lost its master',
      },
    (info) => {
      const silence = Number(info.get('master_last_io_seconds_ago') ?? 0);
      return (
        silence > maxReplicaLagSeconds && {
          status: 'degraded',
          code: 'REDIS_REPLICA_LATE',
          reason: `the replica has not heard of its master for ${silence} s`,
        }
      );
    },
    (info) => {
      const late = replicasOf(info).find(({ state, lagSeconds }) => state !== 'online' || lagSeconds > maxReplicaLagSeconds);
      if (late === undefined) return false;
      const fault = late.state === 'online' ? `is ${late.lagSeconds} s behind` : `is not in step yet (${late.state})`;
      return { status: 'degraded', code: 'REDIS_REPLICA_LATE', reason: `replica ${late.address} ${fault}` };
    },
    (info) => {
      const count = replicasOf(info).filter(({ state }) => state === 'online').length;
      return (
        info.get('role') === 'master' &&
        count < minReplicas && {
          status: 'degraded',
          code: 'REDIS_REPLICA_MISSING',
          reason: `${count} of at least ${minReplicas} replicas are in touch`,
        }
      );
    },
  ];
}

function rejectsConnections(): Rule {
  let before: number | undefined;
  return (info) => {
    const rejected = Number(info.get('rejected_connections') ?? 0);
    const more = before !== undefined && rejected > before;
    before = rejected;
    return more && { status: 'degraded', code: 'REDIS_CONNECTIONS_REJECTED', reason: 'the server rejects connections (maxclients)' };
  };
}

interface Replica {
  readonly address: string;
  readonly state: string;
  readonly lagSeconds: number;
  readonly lagBytes: number;
}

/** Lines such as `slave0:ip=10.0.0.2,port=6379,state=online,offset=1024,lag=1` of a master. */
export function replicasOf(info: Info): Replica[] {
  const written = Number(info.get('master_repl_offset') ?? 0);
  return [...info].flatMap(([field, value]) => {
    if (!/^slave\d+$/.test(field)) return [];
    const { ip, port, state = '', offset, lag } = Object.fromEntries(value.split(',').map((pair) => pair.split('=') as [string, string]));
    return [{ address: `${ip}:${port}`, state, lagSeconds: Number(lag ?? 0), lagBytes: Math.max(0, written - Number(offset ?? 0)) }];
  });
}

function memoryRatio(info: Info): number | undefined {
  const limit = Number(info.get('maxmemory') ?? 0);
  return limit > 0 ? Number(info.get('used_memory') ?? 0) / limit : undefined;
}

function observe(info: Info): Observation[] {
  const ratio = memoryRatio(info);
  const replicas = replicasOf(info);
  return [
    { measure: 'role', value: info.get('role') ?? 'unknown' },
    ...(ratio === undefined ? [] : [{ measure: 'memoryUsedRatio', value: Math.round(ratio * 1000) / 1000, unit: '1' }]),
    { measure: 'connectedClients', value: Number(info.get('connected_clients') ?? 0), unit: '{connection}' },
    ...(replicas.length === 0
      ? []
      : [
          { measure: 'connectedReplicas', value: replicas.length, unit: '{replica}' },
          { measure: 'replicaLag', value: Math.max(...replicas.map(({ lagBytes }) => lagBytes)), unit: 'By' },
        ]),
  ];
}
