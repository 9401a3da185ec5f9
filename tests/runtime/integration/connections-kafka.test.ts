import { inspect } from 'node:util';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/proxy.ts';
import { type TestAuthority, testAuthority } from '../../support/servers.ts';
import { collecting, createTopic, kafkaConnections, openSockets, proxiedKafka, refusal, timed } from '../support/kafka.ts';
import { tlsFront } from '../support/tls-front.ts';

let authority: TestAuthority;
const kafka = proxiedKafka();
const connections = kafkaConnections();

beforeAll(async () => {
  authority = await testAuthority();
});
afterAll(() => authority?.remove());
afterEach(() => connections.closeAll());

/** The front shows a certificate of `authority`, whatever the broker has. */
async function behindFront(certificate: Parameters<TestAuthority['issue']>[0], clientCa?: string): Promise<ServiceHandle> {
  const [address] = kafka.server.brokers;
  const front = await tlsFront({ ...address!, ca: kafka.server.ca! }, await authority.issue(certificate), clientCa);
  connections.also(front);
  return kafka.server.handle({ port: front.port, ca: authority.ca });
}

function withTls(handle: ServiceHandle, tls: Partial<NonNullable<ServiceHandle['service']['tls']>>): ServiceHandle {
  return { ...handle, service: { ...handle.service, tls: { ...handle.service.tls, ...tls } } };
}

describe('connecting', () => {
  test('gives metadata of the cluster, over TLS and with SCRAM', async () => {
    const connection = await connections.open(kafka.server.handle(), { name: 'orders' });
    const metadata = await connection.metadata(['absent']);
    expect(metadata.brokers).toEqual([{ nodeId: 1, host: kafka.proxy.host, port: kafka.proxy.port, rack: null }]);
    expect(metadata.topics).toEqual([{ name: 'absent', errorCode: 3, partitions: [] }]);
    expect(await connection.clusterId()).toBe(metadata.clusterId);
  });

  test('fails at once if the password is wrong, and tells it nowhere', async () => {
    const { value: error, ms } = await timed(refusal(connections.open(kafka.server.handle({ password: 'hunter2' }))));
    expect(error).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', retriable: false });
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
    expect(ms).toBeLessThan(4_000);
  });

  test('fails if the user is unknown, as with a wrong password', async () => {
    const error = await refusal(connections.open(kafka.server.handle({ username: 'nobody' })));
    expect(error.code).toBe('CONNECTION_REFUSED_CREDENTIALS');
  });

  test('reads the password once more when it is refused', async () => {
    const handle = kafka.server.handle();
    let reads = 0;
    const rotating: ServiceHandle = {
      ...handle,
      secret: async (ref) => (ref.id === 'KAFKA_PASSWORD' && reads++ === 0 ? 'of yesterday' : handle.secret(ref)),
    };
    await connections.open(rotating);
    expect(reads).toBeGreaterThanOrEqual(2);
  });

  test('fails if the brokers do not offer the mechanism', async () => {
    const error = await refusal(connections.open(kafka.server.handle(), { scramMechanism: 'SCRAM-SHA-256' }));
    expect(error).toMatchObject({ code: 'CONNECTION_REFUSED_CREDENTIALS', message: expect.stringContaining('scramMechanism') });
  });

  test('fails if the secret cannot be read, with the word of the binding', async () => {
    const error = await refusal(connections.open(kafka.server.handle({ password: '' })));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('KAFKA_PASSWORD') });
  });

  test('fails in the time allowed if nobody listens, naming host and port', async () => {
    const { value: error, ms } = await timed(refusal(connections.open(kafka.server.handle({ port: 1 }), { connectTimeoutMs: 600 })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
    expect(error.message).toContain('127.0.0.1:1');
    expect(error.message).toContain('ECONNREFUSED');
    expect(ms).toBeLessThan(3_000);
  });

  test('fails in the time allowed if the broker accepts and never answers, and leaves no socket', async () => {
    const hole = await startProxy(kafka.server.brokers[0]!);
    connections.also(hole);
    hole.blackHole();
    const { value: error, ms } = await timed(
      refusal(connections.open(kafka.server.handle({ port: hole.port }), { connectTimeoutMs: 600 })),
    );
    expect(error.code).toBe('CONNECTION_FAILED');
    expect(ms).toBeLessThan(3_000);
    await eventually(() => hole.connections() === 0, { what: 'the client has left the proxy' });
  });
});

describe('TLS', () => {
  test.each([
    ['the authority is not the one of the binding', async () => kafka.server.handle({ ca: authority.ca }), 'certificate'],
    [
      'the certificate has expired',
      () => behindFront({ validFrom: new Date('2020-01-01'), validTo: new Date('2020-02-01') }),
      'CERT_HAS_EXPIRED',
    ],
    ['the certificate is for another host', () => behindFront({ hosts: ['kafka.example'] }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['the broker wants a client certificate', () => behindFront({}, authority.ca), 'ERR_SSL'],
  ])('fails if %s', async (_why, handle, text) => {
    const { value: error, ms } = await timed(refusal(connections.open(await handle())));
    expect(error).toMatchObject({ code: 'CONNECTION_TLS_FAILED', retriable: false, message: expect.stringContaining(text) });
    expect(ms).toBeLessThan(6_000);
  });

  test('takes the name to check from the binding, and shows a client certificate', async () => {
    const { cert, key } = await authority.issue();
    const handle = await behindFront({ hosts: ['kafka.example'] }, authority.ca);
    const client: ServiceHandle = {
      ...withTls(handle, { serverName: 'kafka.example', clientCertRef: { from: 'env', id: 'CLIENT' } }),
      secret: async (ref) => (ref.id === 'CLIENT' ? `${cert}\n${key}` : handle.secret(ref)),
    };
    expect(await (await connections.open(client)).clusterId()).toMatch(/^[\w-]{22}$/);
  });
});

describe('close()', () => {
  test('closes all that was opened, leaves no socket, is idempotent and final', async () => {
    const before = openSockets();
    const connection = await connections.open(kafka.server.handle());
    const topic = await createTopic(connection, 'close');
    const consumer = await connection.consumer(collecting(topic).options);
    const producer = await connection.producer();
    await producer.send([{ topic, messages: [{ value: 'x' }] }]);
    const sent = producer.send([{ topic, messages: [{ value: 'in flight' }] }]);
    await Promise.all([sent, connection.close(), connection[Symbol.asyncDispose]()]);
    await eventually(() => kafka.proxy.connections() === 0, { what: 'no connection is left' });
    await eventually(() => openSockets() <= before, { what: 'no socket is left' });
    expect(consumer.status().state).toBe('closed');
    for (const work of [connection.metadata(), connection.producer(), producer.send([]), connection.admin()]) {
      expect((await refusal(work)).code).toBe('CONNECTION_CLOSED');
    }
  });

  test('ends in the time allowed when the brokers hang', async () => {
    const connection = await connections.open(kafka.server.handle(), { closeTimeoutMs: 300 });
    const topic = await createTopic(connection, 'hang');
    const { values, options } = collecting(topic);
    await connection.consumer(options);
    const producer = await connection.producer();
    await producer.send([{ topic, messages: [{ value: 'x' }] }]);
    await eventually(() => values.length === 1, { what: 'it consumes' });
    kafka.proxy.blackHole();
    const stuck = refusal(producer.send([{ topic, messages: [{ value: 'y' }] }]));
    const { ms } = await timed(connection.close());
    expect(ms).toBeLessThan(3_000);
    expect((await stuck).code).toBe('CONNECTION_CLOSED');
    kafka.proxy.restore();
    await eventually(() => kafka.proxy.connections() === 0, { what: 'no connection is left' });
  });
});
