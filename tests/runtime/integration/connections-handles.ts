import { readFileSync } from 'node:fs';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService, Endpoint } from '../../../runtime/src/contracts/binding.ts';

interface Address {
  readonly host: string;
  readonly port: number;
  /** PEM file of the authority, when it speaks TLS. */
  readonly caFile?: string | undefined;
}

type PublicAddress = Pick<Endpoint, 'host' | 'port' | 'announced'>;

/** Handle of a Redis server; `env` may be changed by the test afterwards, as a rotation does. */
export function redisHandle(server: Address, password: string, env: Record<string, string> = {}, username?: string): ServiceHandle {
  env.REDIS_PASSWORD = password;
  const tls = trust(server, env);
  const service: BoundService = {
    kind: 'redis',
    role: 'events',
    endpoints: [{ purpose: 'primary', host: server.host, port: server.port }],
    ...tls,
    auth: { mode: 'acl', secretRef: { from: 'env', id: 'REDIS_PASSWORD' }, ...(username && { username }) },
  };
  return wrap({ events: service }, { env }).service('events');
}

/** Handle of a Sentinel set. */
export function sentinelHandle(
  set: {
    masterName: string;
    password: string;
    sentinelPassword: string;
    sentinels: readonly PublicAddress[];
    /** Nodes that the binding names. @default none: sentinels name the master */
    published?: readonly PublicAddress[];
    caFile?: string | undefined;
  },
  change: { password?: string; sentinelPassword?: string; caFile?: string } = {},
): ServiceHandle {
  const env: Record<string, string> = { DATA: change.password ?? set.password, SENTINEL: change.sentinelPassword ?? set.sentinelPassword };
  const service: BoundService = {
    kind: 'redis-sentinel',
    role: 'events',
    masterName: set.masterName,
    endpoints: [...endpointsAs('sentinel', set.sentinels), ...endpointsAs('node', set.published ?? [])],
    ...trust({ caFile: change.caFile ?? set.caFile }, env),
    auth: { mode: 'password', secretRef: { from: 'env', id: 'DATA' }, sentinelSecretRef: { from: 'env', id: 'SENTINEL' } },
  };
  return wrap({ events: service }, { env }).service('events');
}

function endpointsAs(purpose: Endpoint['purpose'], addresses: readonly PublicAddress[]): Endpoint[] {
  return addresses.map(({ host, port, announced }) => ({ purpose, host, port, ...(announced && { announced }) }));
}

/** Handle of a PostgreSQL server. */
export function postgresHandle(
  server: Address & { user: string; password: string; database: string },
  change: { password?: string; database?: string; port?: number; env?: Record<string, string> } = {},
): ServiceHandle {
  const env = change.env ?? {};
  env.POSTGRES_PASSWORD = change.password ?? server.password;
  const service: BoundService = {
    kind: 'postgres',
    role: 'database',
    endpoints: [{ purpose: 'primary', host: server.host, port: change.port ?? server.port }],
    database: change.database ?? server.database,
    ...trust(server, env),
    auth: { mode: 'password', username: server.user, secretRef: { from: 'env', id: 'POSTGRES_PASSWORD' } },
  };
  return wrap({ database: service }, { env }).service('database');
}

/** Handle of a cluster, of which a client needs to know one node. */
export function clusterHandle(
  cluster: { password: string; nodes: readonly Address[]; caFile?: string | undefined },
  env: Record<string, string> = {},
  change: { username?: string; password?: string } = {},
): ServiceHandle {
  env.REDIS_PASSWORD = change.password ?? cluster.password;
  const service: BoundService = {
    kind: 'redis',
    role: 'cache',
    clusterMode: true,
    endpoints: cluster.nodes.map(({ host, port }) => ({ purpose: 'node', host, port })),
    ...trust(cluster, env),
    auth: { mode: 'acl', secretRef: { from: 'env', id: 'REDIS_PASSWORD' }, ...(change.username && { username: change.username }) },
  };
  return wrap({ cluster: service }, { env }).service('cluster');
}

/** Certificates are no secrets, but come through references like them. */
function trust({ caFile }: { caFile?: string | undefined }, env: Record<string, string>): Pick<BoundService, 'tls'> {
  if (caFile === undefined) return {};
  env.CA = readFileSync(caFile, 'utf8');
  return { tls: { caRef: { from: 'env', id: 'CA' } } };
}
