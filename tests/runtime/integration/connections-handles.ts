import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Handle of a Redis server; `env` may be changed by the test afterwards, as a rotation does. */
export function redisHandle(server: Address, password: string, env: Record<string, string> = {}, username?: string): ServiceHandle {
  env.REDIS_PASSWORD = password;
  const service: BoundService = {
    kind: 'redis',
    role: 'events',
    endpoints: [{ purpose: 'primary', host: server.host, port: server.port }],
    auth: { mode: 'acl', secretRef: { from: 'env', id: 'REDIS_PASSWORD' }, ...(username && { username }) },
  };
  return wrap({ events: service }, { env }).service('events');
}

/** Handle of a Sentinel set. */
export function sentinelHandle(
  set: { masterName: string; password: string; sentinelPassword: string; sentinels: readonly Address[] },
  change: { password?: string; sentinelPassword?: string } = {},
): ServiceHandle {
  const env = { DATA: change.password ?? set.password, SENTINEL: change.sentinelPassword ?? set.sentinelPassword };
  const service: BoundService = {
    kind: 'redis-sentinel',
    role: 'events',
    masterName: set.masterName,
    endpoints: set.sentinels.map(({ host, port }) => ({ purpose: 'sentinel', host, port })),
    auth: { mode: 'password', secretRef: { from: 'env', id: 'DATA' }, sentinelSecretRef: { from: 'env', id: 'SENTINEL' } },
  };
  return wrap({ events: service }, { env }).service('events');
}

/** Handle of a PostgreSQL server. */
export function postgresHandle(
  server: Address & { user: string; password: string; database: string },
  change: { password?: string; database?: string; port?: number } = {},
): ServiceHandle {
  const service: BoundService = {
    kind: 'postgres',
    role: 'database',
    endpoints: [{ purpose: 'primary', host: server.host, port: change.port ?? server.port }],
    database: change.database ?? server.database,
    auth: { mode: 'password', username: server.user, secretRef: { from: 'env', id: 'POSTGRES_PASSWORD' } },
  };
  return wrap({ database: service }, { env: { POSTGRES_PASSWORD: change.password ?? server.password } }).service('database');
}
