import { wrap } from '../../../runtime/src/binding/index.ts';
import { connectRedis, type RedisConnection, type RedisConnectOptions } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import { askRedis } from '../../../servers/redis/ask.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRedis, startTestRedisCluster, type TestAuthority, type TestRedis, testAuthority } from '../../support/servers.ts';
import { redisHandle } from './connections-handles.ts';

let authority: TestAuthority;
let server: TestRedis;
let admin: RedisConnection;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  server = await startTestRedis({ tls: authority });
  admin = await connectRedis(redisHandle(server, server.password), { name: 'admin' });
});
afterAll(async () => {
  await admin?.close();
  await server?.stop();
  await authority?.remove();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

function opening<T extends { close(): Promise<void> }>(connection: T): T {
  opened.push(connection);
  return connection;
}

const acl = (...rules: string[]) => admin.client.call('ACL', 'SETUSER', ...rules);
const userId = async (name: string) => /id=(\d+)/.exec(await clientLine(name))?.[1] ?? '';

async function clientLine(name: string): Promise<string> {
  const lines = String(await admin.client.client('LIST')).split('\n');
  return lines.find((line) => line.includes(` name=${name} `)) ?? '';
}

describe('an ACL user', () => {
  const connectAs = async (username: string, password: string, options: RedisConnectOptions = {}, env = {}) =>
    opening(await connectRedis(redisHandle(server, password, env, username), options));

  beforeEach(() => acl('orders', 'reset', 'on', '>right', '~orders:*', '+@all', '-@dangerous', '+info'));

  test('does what it may', async () => {
    const { client } = await connectAs('orders', 'right', { name: 'orders', forStreams: true });
    expect(await client.set('orders:1', 'new')).toBe('OK');
    expect(await clientLine('orders')).toContain('user=orders');
  });

  test.each([
    ['a command', (client: RedisConnection['client']) => client.flushall(), /flushall/],
    ['a key', (client: RedisConnection['client']) => client.get('customers:1'), /key/],
  ])('fails with ACCESS_DENIED and the words of the server at %s it may not use, and stays connected', async (_, command, words) => {
    const { client } = await connectAs('orders', 'right');
    const id = await client.client('ID');
    await expect(command(client)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      retriable: false,
      message: expect.stringMatching(words),
      cause: expect.objectContaining({ name: 'ReplyError' }),
    });
    expect(await client.client('ID')).toBe(id);
  });

  test.each([
    ['password', 'orders', 'wrong'],
    ['user', 'nobody', 'right'],
  ])('is refused at once if the %s is wrong', async (_, username, password) => {
    await expect(connectAs(username, password)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS' });
  });

  test('that may not run INFO is served all the same, and nothing is printed', async () => {
    const printed = [jest.spyOn(console, 'warn'), jest.spyOn(console, 'error')].map((spy) => spy.mockImplementation(() => undefined));
    await acl('orders', '-info');
    const { client } = await connectAs('orders', 'right');
    expect(await client.set('orders:1', 'new')).toBe('OK');
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test('that is deleted while connected is cut off, told of, and back as soon as it exists again', async () => {
    const told: Error[] = [];
    const { client } = await connectAs('orders', 'right', { onError: (error) => told.push(error) });
    await admin.client.call('ACL', 'DELUSER', 'orders');
    await eventually(() => told.some((error) => isMillraceError(error, 'CONNECTION_REFUSED_CREDENTIALS')), { what: 'onError is told' });
    await expect(client.set('orders:1', '1')).rejects.toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
    await acl('orders', 'on', '>right', '~*', '+@all');
    await eventually(() => client.set('orders:1', '1').catch(() => false as const), { what: 'a write succeeds again' });
  });

  test('whose secret changed between reading and connecting gets in with the second reading', async () => {
    let readings = 0;
    const rotating = {
      ...redisHandle(server, 'unused', {}, 'orders'),
      secret: async ({ id }: { id: string }) => {
        if (id === 'CA') return authority.ca;
        return ++readings === 1 ? 'from before the rotation' : 'right';
      },
    };
    const { client } = opening(await connectRedis(rotating));
    expect(await client.set('orders:1', '1')).toBe('OK');
    expect(readings).toBe(2);
  });
});

/** Stands in for the signer of AWS: what it signs, the server takes from now on, as ElastiCache would; and nothing else. */
const mockSigned: { token: string; expiresAt: Date; options: unknown }[] = [];
let mockLifeMs = 900_000;
let mockAccept = async (_token: string): Promise<unknown> => undefined;
jest.mock('../../../runtime/src/aws/iam-tokens.ts', () => ({
  async elastiCacheToken(options: unknown) {
    const signed = { token: `token-${mockSigned.length}`, expiresAt: new Date(Date.now() + mockLifeMs), options };
    mockSigned.push(signed);
    await mockAccept(signed.token);
    return signed;
  },
}));

describe('an IAM user of ElastiCache', () => {
  const service = (endpoint: { host: string; port: number }, change: Partial<BoundService> = {}): BoundService => ({
    kind: 'redis',
    role: 'cache',
    endpoints: [{ purpose: 'primary', host: endpoint.host, port: endpoint.port }],
    tls: { caRef: { from: 'env', id: 'CA' } },
    auth: { mode: 'iam', username: 'app' },
    iam: { region: 'eu-central-1', service: 'elasticache', resourceName: 'orders-cache' },
    ...change,
  });
  const handleOf = (bound: BoundService) => wrap({ cache: bound }, { env: { CA: authority.ca } }).service('cache');

  beforeEach(async () => {
    mockSigned.length = 0;
    mockLifeMs = 900_000;
    mockAccept = (token) => acl('app', 'reset', 'on', `>${token}`, '~*', '+@all');
  });

  test('gets in with a token that was signed for this user and this cache', async () => {
    const { client } = opening(await connectRedis(handleOf(service(server)), { name: 'iam' }));
    expect(await client.set('a', '1')).toBe('OK');
    expect(await clientLine('iam')).toContain('user=app');
    expect(mockSigned.map(({ options }) => options)).toEqual([
      expect.objectContaining({ username: 'app', cacheName: 'orders-cache', region: 'eu-central-1' }),
    ]);
  });

  test('comes back with the token it has while that is good for minutes yet, and with a new one when it is not', async () => {
    const { client } = opening(await connectRedis(handleOf(service(server)), { name: 'iam' }));
    await admin.client.client('KILL', 'ID', await userId('iam'));
    await eventually(() => client.ping().catch(() => false as const), { what: 'the connection is back' });
    expect(mockSigned).toHaveLength(1);
    await acl('app', 'resetpass', '>another');
    await admin.client.client('KILL', 'ID', await userId('iam'));
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 800_000);
    await eventually(() => client.ping().catch(() => false as const), { what: 'the connection is back with a new token' });
    clock.mockRestore();
    expect(mockSigned).toHaveLength(2);
  });

  test('signs in again over the running connection, while commands are in flight, long before the server would end it', async () => {
    const { iamSignIn } = await import('../../../runtime/src/connections/redis/iam.ts');
    mockLifeMs = 400;
    const handle = handleOf(service(server));
    const { client } = opening(await connectRedis(handle, { name: 'iam' }));
    const id = await client.client('ID');
    const signIn = iamSignIn(handle);
    const failures: unknown[] = [];
    const stop = signIn.keepUp(
      {
        nodes: () => [client],
        renew: async () => Object.assign(client.options, { password: await signIn.token() }),
        tell: (error) => failures.push(error),
      },
      { lookEveryMs: 100, signInEveryMs: 300 },
    );
    const before = await authCount();
    let commands = 0;
    await eventually(
      async () => {
        await Promise.all(Array.from({ length: 50 }, () => client.incr('counter')));
        commands += 50;
        return (await authCount()) >= before + 3 && mockSigned.length >= 4;
      },
      { what: 'three more AUTH with renewed tokens were seen' },
    );
    stop();
    expect(failures).toEqual([]);
    expect(await client.client('ID')).toBe(id);
    expect(Number(await client.getdel('counter'))).toBe(commands);
  });

  test('reaches every node of a cluster', async () => {
    const cluster = await startTestRedisCluster({ tls: authority });
    opening({ close: cluster.stop });
    mockAccept = (token) =>
      Promise.all(
        cluster.nodes.map((node) =>
          askRedis(node, (each) => each.call('ACL', 'SETUSER', 'app', 'reset', 'on', `>${token}`, '~*', '+@all')),
        ),
      );
    const bound = service(cluster.nodes[0]!, { clusterMode: true });
    const { client } = opening(await connectRedis(handleOf(bound), { cluster: true }));
    await Promise.all(Array.from({ length: 30 }, (_, index) => client.set(`key-${index}`, '1')));
    expect(mockSigned).toHaveLength(1);
  });

  test.each([
    ['iam', { iam: undefined }],
    ['auth.username', { auth: { mode: 'iam' } }],
    ['tls', { tls: undefined }],
  ])('fails with BINDING_INVALID if the binding has no %s', async (missing, change) => {
    const bound = JSON.parse(JSON.stringify({ ...service(server), ...change })) as BoundService;
    await expect(connectRedis(handleOf(bound))).rejects.toMatchObject({
      code: 'BINDING_INVALID',
      message: expect.stringContaining(`and no ${missing}`),
    });
  });
});

/** AUTH commands that the server has carried out. */
async function authCount(): Promise<number> {
  return Number(/cmdstat_auth:calls=(\d+)/.exec(await admin.client.info('commandstats'))?.[1] ?? 0);
}
