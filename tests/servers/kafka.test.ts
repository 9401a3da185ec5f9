import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import { createTopic } from '../support/kafka-topic.ts';
import { bindingOf, consume, kafkaOf, produce, withAdmin } from './kafka-client.ts';
import { startTrial, type Trial } from './trial.ts';

let trial: Trial;

const file = (...path: string[]) => join(trial.stateDir, ...path);
const password = () => readFileSync(file('secrets', 'log'), 'utf8');

/** Brokers need three seconds of processor time to start, which tests share. */
jest.setTimeout(180_000);

beforeAll(async () => {
  trial = await startTrial({ log: { kind: 'kafka', role: 'log' } });
  const { elapsedMs } = await trial.start();
  process.stderr.write(`kafka: 1 broker up in ${(elapsedMs / 1_000).toFixed(1)} s\n`);
});
afterAll(async () => {
  await trial.remove();
});

test('the binding has the broker, the user and the authority', () => {
  const { endpoints, tls, auth, limits } = bindingOf(trial);
  expect(endpoints).toEqual([{ purpose: 'bootstrap', host: '127.0.0.1', port: expect.any(Number), authMode: 'scram' }]);
  expect(tls).toEqual({ caRef: { from: 'file', id: 'tls/ca.pem' } });
  expect(auth).toEqual({ mode: 'scram', username: 'admin', secretRef: { from: 'file', id: 'secrets/log' } });
  expect(limits).toEqual({ brokers: 1, replicationFactor: 1, minInSyncReplicas: 1 });
});

test('what a client of the binding sends is read by another', async () => {
  const kafka = kafkaOf(trial);
  await withAdmin(kafka, (admin) => createTopic(admin, { topic: 'orders', numPartitions: 3 }));
  await produce(kafka, 'orders', ['a', 'b', 'c']);
  expect(await consume(kafka, 'orders', 3)).toEqual(['a', 'b', 'c']);
});

test('a topic that nobody declared does not come to be', async () => {
  const kafka = kafkaOf(trial, { retries: 1 });
  await expect(produce(kafka, 'ordres', ['a'])).rejects.toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } });
  expect(await withAdmin(kafka, (admin) => admin.listTopics())).not.toContain('ordres');
});

test('a wrong password is refused, and so is plain text', async () => {
  const nobody = async () => undefined;
  await expect(withAdmin(kafkaOf(trial, { password: 'wrong' }), nobody)).rejects.toMatchObject({ name: 'KafkaJSSASLAuthenticationError' });
  const { port } = bindingOf(trial).endpoints[0]!;
  const plain = connectTcp({ host: '127.0.0.1', port });
  const answer = new Promise<Buffer | undefined>((resolve) => {
    plain.once('data', resolve);
    plain.once('close', () => resolve(undefined));
    plain.on('error', () => undefined);
  });
  // The first bytes of a request for the versions that the broker speaks.
  plain.write(Buffer.from('0000000e0012000000000001000474657374', 'hex'));
  // What comes back, if anything, is an alert of TLS, not an answer of Kafka.
  expect((await answer)?.[0] ?? 0x15).toBe(0x15);
  plain.destroy();
});

test('the ports for other servers let nobody in who has no certificate', async () => {
  const { port } = bindingOf(trial).endpoints[0]!;
  for (const further of [port + 1, port + 2]) {
    const socket = connectTls({ host: '127.0.0.1', port: further, ca: readFileSync(file('tls', 'ca.pem')) });
    const end = new Promise((resolve) => {
      socket.once('error', resolve);
      socket.once('data', () => resolve('answered'));
    });
    socket.write(Buffer.from('0000000e0012000000000001000474657374', 'hex'));
    expect(await end).toMatchObject({ code: expect.stringMatching(/^(ERR_SSL|ECONNRESET|EPIPE)/) });
    socket.destroy();
  }
});

test('status shows version, memory within 400 MiB and how many brokers there are', async () => {
  const { servers } = await trial.look();
  expect(servers).toEqual([expect.objectContaining({ id: 'log-1', state: 'up', version: '4.1.1', condition: '1 of 1 brokers' })]);
  process.stderr.write(`kafka: ${servers[0]!.memoryMiB} MiB\n`);
  expect(servers[0]!.memoryMiB).toBeLessThan(400);
});

test('the password stands in no file but its own and in no argument of the process', () => {
  const { dir } = (JSON.parse(readFileSync(file('state.json'), 'utf8')) as { servers: Record<string, { dir: string }> }).servers['log-1']!;
  const names = readdirSync(dir);
  expect(names.sort()).toEqual(['ca.pem', 'data', 'log4j2.properties', 'server.pem', 'server.properties']);
  const texts = [...names.filter((name) => name !== 'data').map((name) => join(dir, name)), file('logs', 'log-1.log'), file('state.json')];
  for (const path of texts) expect(readFileSync(path, 'utf8')).not.toContain(password());
  const args = execFileSync('ps', ['-o', 'args=', '-p', String(trial.processes()['log-1']!.pid)], { encoding: 'utf8' });
  expect(args).toContain('kafka.Kafka');
  expect(args).not.toContain(password());
});

test('a second up changes nothing', async () => {
  const before = trial.processes();
  expect((await trial.start()).servers).toEqual([expect.objectContaining({ id: 'log-1', started: false })]);
  expect(trial.processes()).toEqual(before);
});

test('data and the number of the cluster survive down and up', async () => {
  const clusterId = () => withAdmin(kafkaOf(trial), async (admin) => (await admin.describeCluster()).clusterId);
  const before = await clusterId();
  const { elapsedMs } = await trial.stop();
  process.stderr.write(`kafka: 1 broker down in ${(elapsedMs / 1_000).toFixed(1)} s\n`);
  expect(trial.alive()).toEqual([]);
  const again = await trial.start();
  process.stderr.write(`kafka: 1 broker up again in ${(again.elapsedMs / 1_000).toFixed(1)} s\n`);
  expect(await clusterId()).toBe(before);
  expect(await consume(kafkaOf(trial), 'orders', 3)).toEqual(['a', 'b', 'c']);
});

test('a password that was replaced is refused with the way out, because the cluster itself keeps the old one', async () => {
  const old = password();
  await trial.stop();
  writeFileSync(file('secrets', 'log'), 'another-password');
  const refusal = await trial.start().catch((error: unknown) => error);
  expect(isMillraceError(refusal, 'SERVER_START_FAILED')).toBe(true);
  expect((refusal as Error).message).toContain('another password');
  writeFileSync(file('secrets', 'log'), old);
  await trial.start();
  expect(await consume(kafkaOf(trial), 'orders', 3)).toEqual(['a', 'b', 'c']);
});
