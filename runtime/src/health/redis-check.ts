import type { RedisConnection } from '../connections/redis.ts';
import { type CheckOptions, type CheckOutcome, checkIdentity, type HealthCheck, type Observation, outcomeOf } from './check.ts';

export interface RedisCheckOptions extends CheckOptions {
  /** `down` unless the server is a master. @default true */
  readonly writable?: boolean;
  /** `down` when the server may evict keys. @default false */
  readonly forStreams?: boolean;
  /** Share of `maxmemory` above which the server is `degraded`. @default 0.9 */
  readonly memoryWarnRatio?: number;
}

type Info = ReadonlyMap<string, string>;
type Rule = (info: Info) => CheckOutcome | false;

/**
 * Looks at a Redis server through `connection`, with one INFO.
 *
 * Give it a `producer` connection: on a `consumer` one the question waits behind a blocking read.
 */
export function redisCheck(connection: RedisConnection, options: RedisCheckOptions = {}): HealthCheck {
  const rules = rulesOf(options);
  return {
    ...checkIdentity(options, connection.name),
    componentType: 'datastore',
    async check() {
      // PING first, and both at once: a user that may not run INFO still learns whether the server answers.
      const [, info] = await Promise.all([connection.client.ping(), readInfo(connection)]);
      if (info === undefined) return { status: 'up', observations: [{ measure: 'info', value: 'not permitted' }] };
      return outcomeOf(
        rules.flatMap((rule) => rule(info) || []),
        observe(info),
      );
    },
  };
}

async function readInfo({ client }: RedisConnection): Promise<Info | undefined> {
  try {
    return parseInfo(await client.info());
  } catch (error) {
    if (error instanceof Error && error.message.split(' ', 1)[0] === 'NOPERM') return undefined;
    throw error;
  }
}

function parseInfo(text: string): Info {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

function rulesOf({ writable = true, forStreams = false, memoryWarnRatio = 0.9 }: RedisCheckOptions): Rule[] {
  let rejectedBefore: number | undefined;
  return [
    (info) => info.get('loading') === '1' && { status: 'down', reason: 'the server is loading its data' },
    (info) => writable && info.get('role') === 'slave' && { status: 'down', reason: 'the server is a replica and takes no writes' },
    (info) => (info.get('master_link_status') ?? 'up') !== 'up' && { status: 'degraded', reason: 'the replica has lost its master' },
    (info) => {
      const policy = info.get('maxmemory_policy');
      return (
        forStreams && policy !== 'noeviction' && { status: 'down', reason: `the server may evict streams (maxmemory-policy ${policy})` }
      );
    },
    (info) => {
      const ratio = memoryRatio(info);
      return (
        ratio !== undefined && ratio > memoryWarnRatio && { status: 'degraded', reason: `memory is ${Math.round(ratio * 100)} % used` }
      );
    },
    (info) => (info.get('aof_last_write_status') ?? 'ok') !== 'ok' && { status: 'degraded', reason: 'the last write of the AOF failed' },
    (info) => (info.get('rdb_last_bgsave_status') ?? 'ok') !== 'ok' && { status: 'degraded', reason: 'the last snapshot failed' },
    (info) => {
      const rejected = Number(info.get('rejected_connections') ?? 0);
      const more = rejectedBefore !== undefined && rejected > rejectedBefore;
      rejectedBefore = rejected;
      return more && { status: 'degraded', reason: 'the server rejects connections (maxclients)' };
    },
  ];
}

function memoryRatio(info: Info): number | undefined {
  const limit = Number(info.get('maxmemory') ?? 0);
  return limit > 0 ? Number(info.get('used_memory') ?? 0) / limit : undefined;
}

function observe(info: Info): Observation[] {
  const ratio = memoryRatio(info);
  return [
    { measure: 'role', value: info.get('role') ?? 'unknown' },
    ...(ratio === undefined ? [] : [{ measure: 'memoryUsedRatio', value: Math.round(ratio * 1000) / 1000, unit: '1' }]),
    { measure: 'connectedClients', value: Number(info.get('connected_clients') ?? 0), unit: '{connection}' },
  ];
}
