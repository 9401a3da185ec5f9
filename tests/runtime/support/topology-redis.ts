import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { type LoadedBinding, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Comparison, Driver } from '../../../runtime/src/topology/driver.ts';
import { openRedisDriver } from '../../../runtime/src/topology/drivers/redis/index.ts';
import { startTestRedis, type TestRedis, type TestSentinel } from '../../support/servers.ts';

/** Tests change it afterwards, as a rotation does. */
export type Passwords = Record<string, string>;

/** Topology whose topics travel over the service `events`. */
export function topologyOn(topics: Record<string, object>, aclUsers: Record<string, object> = {}): Topology {
  const transports = [{ kind: 'redis-streams', service: 'events' }];
  const retry = { attempts: 2, initialDelayMs: 10, maxDelayMs: 20 };
  return topologySchema.parse({
    topics: Object.fromEntries(Object.entries(topics).map(([name, topic]) => [name, { transports, retry, ...topic }])),
    aclUsers: Object.fromEntries(Object.entries(aclUsers).map(([name, user]) => [name, { service: 'events', ...user }])),
  } as TopologyInput);
}

/** A binding of `events` with a password for each user of the topology: `of-NAME`, unless the test gives others. */
export function bindingOf(
  server: Pick<TestRedis, 'host' | 'port' | 'password' | 'caFile'>,
  topology: Topology,
  { passwords = {}, change = {} }: { passwords?: Passwords; change?: Partial<BoundService> } = {},
): LoadedBinding {
  const { host, port, password, caFile } = server;
  return bound(
    { kind: 'redis', endpoints: [{ purpose: 'primary', host, port }], auth: { mode: 'password' } },
    password,
    caFile,
    topology,
    passwords,
    change,
  );
}

export function sentinelBindingOf(set: TestSentinel, topology: Topology): LoadedBinding {
  const { masterName, sentinels, nodes, password, sentinelPassword, caFile } = set;
  const service = {
    kind: 'redis-sentinel' as const,
    masterName,
    endpoints: [
      ...sentinels.map(({ host, port }) => ({ purpose: 'sentinel' as const, host, port })),
      ...nodes.map(({ host, port }) => ({ purpose: 'node' as const, host, port })),
    ],
    auth: { mode: 'password' as const, sentinelSecretRef: { from: 'env' as const, id: 'SENTINEL' } },
  };
  return bound(service, password, caFile, topology, { SENTINEL: sentinelPassword }, {});
}

function bound(
  service: Pick<BoundService, 'kind' | 'endpoints' | 'auth' | 'masterName'>,
  password: string,
  caFile: string | undefined,
  topology: Topology,
  passwords: Passwords,
  change: Partial<BoundService>,
): LoadedBinding {
  const names = Object.keys(topology.aclUsers);
  for (const name of names) passwords[name] ??= `of-${name}`;
  passwords.ADMIN = password;
  if (caFile !== undefined) passwords.CA = readFileSync(caFile, 'utf8');
  const events: BoundService = {
    role: 'events',
    ...service,
    auth: { ...service.auth, secretRef: { from: 'env', id: 'ADMIN' } },
    users: Object.fromEntries(names.map((name) => [name, { mode: 'acl', username: name, secretRef: { from: 'env', id: name } }])),
    ...(caFile !== undefined && { tls: { caRef: { from: 'env', id: 'CA' } } }),
    ...change,
  };
  return wrap({ events }, { env: passwords });
}

export function openDriver(binding: LoadedBinding, topology: Topology): Promise<Driver> {
  return openRedisDriver({ service: binding.service('events'), topology, signal: new AbortController().signal });
}

/** Compares, carries out what is not undeclared, and compares again. */
export async function applyAll(binding: LoadedBinding, topology: Topology): Promise<Comparison> {
  await using driver = await openDriver(binding, topology);
  const { changes } = await driver.compare();
  for (const change of changes) if (change.undeclared !== true) await driver.apply(change);
  return await driver.compare();
}

/** A plain client that logs in as `username`, for what no library of ours would send. */
export async function clientAs(
  { host, port, caFile }: Pick<TestRedis, 'host' | 'port' | 'caFile'>,
  username: string,
  password: string,
): Promise<Redis> {
  const client = new Redis({
    ...{ host, port, username, password },
    ...(caFile !== undefined && { tls: { ca: readFileSync(caFile) } }),
    lazyConnect: true,
    protocol: 2,
    disconnectTimeout: 100,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Sends what no library would; the protocol's words, as `redis-cli` takes them. */
export function attempt(client: Redis, [name, ...args]: readonly string[]): Promise<unknown> {
  // ioredis must know of a subscription to understand the answer.
  if (name === 'SUBSCRIBE') return client.subscribe(...args);
  if (name === 'PSUBSCRIBE') return client.psubscribe(...args);
  return client.call(name!, ...args);
}

/** How a server says that a user may not; the last one comes before it looks at rights at all. */
export const refusal = /^NOPERM|The user executing the script can't|DEBUG command not allowed/;

/** One server for all tests of a file, before each without keys and with nobody but its administrator. @param use takes it over once it runs */
export function onUntouchedRedis(use: (started: { readonly redis: TestRedis; readonly admin: Redis }) => void): void {
  let redis: TestRedis | undefined;
  let admin: Redis | undefined;
  beforeAll(async () => {
    redis = await startTestRedis();
    admin = await clientAs(redis, 'default', redis.password);
    use({ redis, admin });
  });
  afterAll(async () => {
    admin?.disconnect();
    await redis?.stop();
  });
  beforeEach(async () => {
    await admin!.flushall();
    const users = ((await admin!.call('ACL', 'USERS')) as string[]).filter((name) => name !== 'default');
    if (users.length > 0) await admin!.call('ACL', 'DELUSER', ...users);
  });
}
