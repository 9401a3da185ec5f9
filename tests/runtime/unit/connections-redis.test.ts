import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectRedis, type RedisClient, type RedisConnection } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { eventually } from '../../support/eventually.ts';
import { testAuthority } from '../../support/servers.ts';
import { bulk, list, type Script, type ScriptedRedis, scriptedRedis, slots } from '../support/scripted-redis.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function serving(script: Script, ...rest: Parameters<typeof scriptedRedis> extends [Script, ...infer R] ? R : never) {
  const server = await scriptedRedis(script, ...rest);
  opened.push(server);
  return server;
}

async function opening(connecting: Promise<RedisConnection<RedisClient>>): Promise<RedisConnection<RedisClient>> {
  const connection = await connecting;
  opened.push(connection);
  return connection;
}

const info = (loading: boolean): string =>
  bulk(`role:master\r\nmaxmemory_policy:noeviction\r\nloading:${Number(loading)}\r\nloading_eta_seconds:3600\r\n`);
const wrongPassword = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function handleOf(servers: readonly { host: string; port: number }[], change: Partial<BoundService> = {}, env = {}): ServiceHandle {
  const purpose = change.kind === 'redis-sentinel' ? 'sentinel' : 'node';
  const service: BoundService = {
    ...{ kind: 'redis', role: 'events', auth: { mode: 'none' } },
    endpoints: servers.map(({ host, port }) => ({ purpose, host, port })),
    ...change,
  };
  return wrap({ events: service }, { env }).service('events');
}

/** Answers as the node of a cluster does. */
function clusterNode(nodes: readonly ScriptedRedis[], loading = false): Script {
  return ([name = '', sub = '']) => {
    if (name.toLowerCase() === 'info') return info(loading);
    if (name.toLowerCase() !== 'cluster') return undefined;
    return sub.toLowerCase() === 'slots' ? slots(nodes[0]!.host, ...nodes.map(({ port }) => port)) : bulk('cluster_state:ok\r\n');
  };
}

describe('while one master of a cluster loads its data', () => {
  // ioredis draws the node that it asks whether the cluster is well; here it is the first, which answers.
  beforeEach(() => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
  });
  afterEach(() => jest.restoreAllMocks());

  const cluster = async (): Promise<ScriptedRedis[]> => {
    const nodes: ScriptedRedis[] = [];
    for (const loading of [false, true]) nodes.push(await serving((command) => clusterNode(nodes, loading)(command)));
    return nodes;
  };

  test('connecting ends in the time allowed, and the others are served', async () => {
    const nodes = await cluster();
    const startedAt = performance.now();
    const connection = await opening(
      connectRedis(handleOf(nodes, { clusterMode: true }), { cluster: true, connectTimeoutMs: 400, commandTimeoutMs: 400 }),
    );
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    // Slot 3300 is the first one's, slot 15495 the second one's.
    expect(await connection.client.set('of the first {b}', '1')).toBe('OK');
    await expect(connection.client.set('of the second {a}', '1')).rejects.toMatchObject({ code: 'CONNECTION_TIMEOUT' });
  });

  test('streams are not trusted to it before it tells whether it evicts', async () => {
    const nodes = await cluster();
    const connecting = opening(
      connectRedis(handleOf(nodes, { clusterMode: true }), { cluster: true, connectTimeoutMs: 400, forStreams: true }),
    );
    await expect(connecting).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(`node 127.0.0.1:${nodes[1]!.port}`),
    });
  });
});

describe('a refusal of the old password that comes when the new one is already stored is not the last word', () => {
  const auth = { mode: 'password', secretRef: { from: 'env', id: 'PASSWORD' } } as const;

  test('of one server', async () => {
    let attempts = 0;
    let readings = 0;
    let secondAttempt = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      secondAttempt = resolve;
    });
    const server = await serving(async ([name = '', password]) => {
      if (name.toLowerCase() === 'info') return info(false);
      if (name.toLowerCase() !== 'auth' || password === 'new') return undefined;
      if (++attempts === 2) {
        secondAttempt();
        await pause(100);
      }
      return wrongPassword;
    });
    const handle = { ...handleOf([server], { auth }, { PASSWORD: 'unused' }), secret: readSecret };
    async function readSecret(): Promise<string> {
      if (++readings === 1) return 'old';
      await begun;
      return 'new';
    }
    const { client } = await opening(connectRedis(handle));
    expect(await client.set('a', '1')).toBe('OK');
    expect(attempts).toBe(2);
  });

  test('of a node of a cluster', async () => {
    let refusals = 0;
    let readings = 0;
    const nodes: ScriptedRedis[] = [];
    const node: Script = async (command) => {
      const [name = '', password] = command;
      if (name.toLowerCase() !== 'auth' || password === 'new') return clusterNode(nodes)(command);
      // The node that is asked second: by then the first one's refusal has had the secret read again.
      if (++refusals === 2) await pause(150);
      return wrongPassword;
    };
    nodes.push(await serving(node), await serving(node));
    const secret = async (): Promise<string> => {
      if (++readings === 1) return 'old';
      if (readings === 2) await eventually(() => refusals === 2, { what: 'the second node is shown the old password' });
      return 'new';
    };
    const handle = { ...handleOf(nodes, { auth, clusterMode: true }, { PASSWORD: 'unused' }), secret };
    const { client } = await opening(connectRedis(handle, { cluster: true }));
    expect(await client.set('a', '1')).toBe('OK');
    expect(refusals).toBeGreaterThanOrEqual(2);
  });
});

test.each([
  ['a server', {}],
  ['sentinels and the master they name', { kind: 'redis-sentinel', masterName: 'events' }],
  ['the nodes of a cluster', { clusterMode: true }],
] as const)('%s on TLS are told the name they are reached under', async (_, change) => {
  const authority = await testAuthority();
  opened.push({ close: authority.remove });
  const servers: ScriptedRedis[] = [];
  const script: Script = (command) =>
    command[0]?.toLowerCase() === 'sentinel' ? list(bulk('localhost'), bulk(String(servers[0]!.port))) : clusterNode(servers)(command);
  const server = await serving(script, await authority.issue());
  servers.push(server);
  const tls = { caRef: { from: 'env', id: 'CA' } } as const;
  const { client } = await opening(connectRedis(handleOf(servers, { ...change, tls }, { CA: authority.ca }), { cluster: true }));
  expect(await client.set('a', '1')).toBe('OK');
  // Sentinels and cluster: at least the question and the node. What ioredis keeps besides for what is published may come later, or not at all.
  const expected = 'kind' in change || 'clusterMode' in change ? 2 : 1;
  await eventually(() => server.names.length >= expected, { what: 'every connection is there' });
  expect(new Set(server.names)).toEqual(new Set(['localhost']));
});

describe('what a listener throws', () => {
  const thrown: unknown[] = [];
  const take = (callback: () => void): void => {
    try {
      callback();
    } catch (error) {
      thrown.push(error);
    }
  };
  const onError = (): void => {
    throw new Error('of the listener');
  };
  beforeEach(() => {
    thrown.length = 0;
    const queue = globalThis.queueMicrotask;
    jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => queue(() => take(callback)));
  });
  afterEach(() => jest.restoreAllMocks());

  test.each([
    ['a server', {}],
    ['a cluster', { clusterMode: true }],
  ])('does not keep a connection to %s from the new password', async (_, change) => {
    const auth = { mode: 'password', secretRef: { from: 'env', id: 'PASSWORD' } } as const;
    const servers: ScriptedRedis[] = [];
    const server = await serving((command) =>
      command[0]?.toLowerCase() === 'auth' && command[1] !== 'new' ? wrongPassword : clusterNode(servers)(command),
    );
    servers.push(server);
    let readings = 0;
    const secret = async (): Promise<string> => (++readings === 1 ? 'old' : 'new');
    const handle = { ...handleOf(servers, { ...change, auth }, { PASSWORD: 'unused' }), secret };
    const { client } = await opening(connectRedis(handle, { cluster: true, onError }));
    expect(await client.set('a', '1')).toBe('OK');
    await eventually(() => thrown.length > 0, { what: 'it has surfaced' });
  });
});
