import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../../runtime/src/connections/postgres/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { eventually } from '../../support/eventually.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { startTestPostgres, startTestRedis } from '../../support/servers.ts';
import { type AwsGate, startAwsGate } from '../support/aws-gate.ts';

let moto: Moto;
let gate: AwsGate;
let secrets: SecretsManagerClient;
const opened: { close(): Promise<void> }[] = [];
const realNow = performance.now.bind(performance);
let laterMs = 0;

beforeAll(async () => {
  moto = await startMoto();
  gate = await startAwsGate(moto.endpoint);
  Object.assign(process.env, moto.env, { AWS_ENDPOINT_URL: gate.endpoint });
  secrets = new SecretsManagerClient({ endpoint: moto.endpoint });
  // What was read a moment ago is not read again; a rotation is rarely that quick.
  jest.spyOn(performance, 'now').mockImplementation(() => realNow() + laterMs);
});
afterAll(async () => {
  secrets.destroy();
  await gate.close();
  await moto.stop();
});
beforeEach(() => {
  gate.asked.length = 0;
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** A service whose password lies in AWS. */
async function stored(name: string, password: string, service: Omit<BoundService, 'auth'>, username: string): Promise<ServiceHandle> {
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify({ username, password }) }));
  const secretRef = { from: 'aws-secrets-manager', id: ARN!, jsonKey: 'password' } as const;
  return wrap({ it: { ...service, auth: { mode: 'password', username, secretRef } } }).service('it');
}

async function rotate(name: string, password: string): Promise<void> {
  await secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify({ password }) }));
  laterMs += 10_000;
}

test('a Redis connection finds the rotated password by itself, with one more request to AWS', async () => {
  const server = await startTestRedis();
  opened.push({ close: () => server.stop() });
  const { host, port } = server;
  const endpoints = [{ purpose: 'primary' as const, host, port }];
  const handle = await stored('redis', server.password, { kind: 'redis', role: 'cache', endpoints }, 'default');
  const connection = await connectRedis(handle);
  const side = await connectRedis(handle);
  opened.push(connection, side);
  await side.client.config('SET', 'requirepass', 'rotated');
  await rotate('redis', 'rotated');
  await side.client.client('KILL', 'ID', await connection.client.client('ID'));
  await eventually(() => connection.client.ping().catch(() => false as const), { what: 'an answer comes under the new password' });
  expect(gate.asked).toHaveLength(2);
});

test('a first connection to Redis finds a password that was rotated since it was read', async () => {
  const server = await startTestRedis();
  opened.push({ close: () => server.stop() });
  const { host, port } = server;
  const endpoints = [{ purpose: 'primary' as const, host, port }];
  const handle = await stored('redis-first', server.password, { kind: 'redis', role: 'cache', endpoints }, 'default');
  const side = await connectRedis(handle);
  opened.push(side);
  await side.client.config('SET', 'requirepass', 'rotated');
  await rotate('redis-first', 'rotated');
  const connection = await connectRedis(handle);
  opened.push(connection);
  expect(await connection.client.ping()).toBe('PONG');
  expect(gate.asked).toHaveLength(2);
});

test('PostgreSQL connections find the rotated password: pool, dedicated and first ones', async () => {
  const server = await startTestPostgres();
  opened.push({ close: () => server.stop() });
  const { host, port, user, database } = server;
  const endpoints = [{ purpose: 'primary' as const, host, port }];
  const handle = await stored('postgres', server.password, { kind: 'postgres', role: 'database', database, endpoints }, user);
  const connection = await connectPostgres(handle, { maxConnections: 1 });
  opened.push(connection);
  await connection.pool.query(`alter user ${user} password 'rotated'`);
  await rotate('postgres', 'rotated');
  await (await connection.openClient()).end();
  expect(gate.asked).toHaveLength(2);

  await connection.pool.query(`alter user ${user} password 'rotated again'`);
  await rotate('postgres', 'rotated again');
  const first = await connectPostgres(handle);
  opened.push(first);
  expect(gate.asked).toHaveLength(3);

  await connection.pool.query(`alter user ${user} password 'rotated thrice'`);
  await rotate('postgres', 'rotated thrice');
  await first.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = $1', [user]);
  await eventually(() => connection.pool.query('select 1'), { what: 'the pool works under the new password' });
  expect(gate.asked).toHaveLength(4);
});

test('a password that stays wrong asks AWS no more than once in 5 seconds', async () => {
  const server = await startTestRedis();
  opened.push({ close: () => server.stop() });
  const { host, port } = server;
  const endpoints = [{ purpose: 'primary' as const, host, port }];
  const handle = await stored('wrong', 'not the password', { kind: 'redis', role: 'cache', endpoints }, 'default');
  const startedAt = realNow();
  for (let attempt = 0; attempt < 10; attempt++) {
    await expect(connectRedis(handle)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS' });
  }
  expect(gate.asked.length).toBeLessThanOrEqual(1 + (realNow() - startedAt) / 5_000);
});
