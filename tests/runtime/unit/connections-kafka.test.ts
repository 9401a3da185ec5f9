import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import * as kafkajs from 'kafkajs';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { isLasting, kafkaError } from '../../../runtime/src/connections/kafka/errors.ts';
import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { mendKafkajs } from '../../../runtime/src/connections/kafka/mend-kafkajs.ts';
import { oauthMechanism } from '../../../runtime/src/connections/kafka/sasl.ts';
import { ScramViolation, scramExchange } from '../../../runtime/src/connections/kafka/scram.ts';
import { bootstrapBrokers } from '../../../runtime/src/connections/kafka/settings.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';

function handleOf(change: Partial<BoundService>): ServiceHandle {
  const service: BoundService = {
    kind: 'kafka',
    role: 'log',
    endpoints: [
      { purpose: 'bootstrap', host: 'b1', port: 9096, authMode: 'scram' },
      { purpose: 'bootstrap', host: 'b2', port: 9096, authMode: 'scram' },
      { purpose: 'bootstrap', host: 'b1', port: 9098, authMode: 'iam' },
    ],
    auth: { mode: 'scram', username: 'orders', secretRef: { from: 'env', id: 'PASSWORD' } },
    ...change,
  };
  return wrap({ log: service }, { env: { PASSWORD: 'secret' } }).service('log');
}

describe('the binding', () => {
  test('gives the bootstrap endpoints of its way of proving who you are', () => {
    expect(bootstrapBrokers(handleOf({}))).toEqual(['b1:9096', 'b2:9096']);
    expect(bootstrapBrokers(handleOf({ auth: { mode: 'iam' } }))).toEqual(['b1:9098']);
    expect(bootstrapBrokers(handleOf({ auth: { mode: 'none' }, endpoints: [{ purpose: 'bootstrap', host: 'b', port: 9092 }] }))).toEqual([
      'b:9092',
    ]);
  });

  test.each([
    ['no endpoint fits', { auth: { mode: 'none' } }, 'bootstrap endpoints are for scram, iam'],
    ['the mode is not one of Kafka’s', { auth: { mode: 'password' } }, 'none, scram, iam'],
    ['there is no user', { auth: { mode: 'scram', secretRef: { from: 'env', id: 'PASSWORD' } } }, 'no auth.username'],
    ['there is no secret', { auth: { mode: 'scram', username: 'orders' } }, 'no auth.secretRef'],
    ['there is no region', { auth: { mode: 'iam' } }, 'no iam'],
    [
      'tokens of IAM would go over an open line',
      { auth: { mode: 'iam' }, iam: { region: 'eu-central-1', service: 'kafka', resourceName: 'log' } },
      'no tls',
    ],
  ] satisfies [string, Partial<BoundService>, string][])('fails if %s', async (_why, change, text) => {
    await expect(connectKafka(handleOf(change))).rejects.toMatchObject({ code: 'BINDING_INVALID', message: expect.stringContaining(text) });
  });
});

/** The other side of SCRAM-SHA-512, as a server that knows `password` has it. */
function scramServer(password: string, change: { nonce?: string; iterations?: number; verdict?: string } = {}) {
  const { nonce = 'server', iterations = 4_096 } = change;
  const salt = Buffer.from('salt');
  let [firstBare, challenge, proven] = ['', '', false];
  const exchange = async (message: string): Promise<string> => {
    if (challenge === '') {
      firstBare = message.slice('n,,'.length);
      const given = change.nonce === undefined ? (/r=(.*)$/.exec(firstBare)?.[1] ?? '') : '';
      challenge = `r=${given}${nonce},s=${salt.toString('base64')},i=${iterations}`;
      return challenge;
    }
    const [bare = '', proof = ''] = message.split(',p=');
    const hmac = (key: Buffer, text: string) => createHmac('sha512', key).update(text).digest();
    const salted = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
    const text = `${firstBare},${challenge},${bare}`;
    const stored = createHash('sha512').update(hmac(salted, 'Client Key')).digest();
    const clientKey = Buffer.from(proof, 'base64').map((byte, index) => byte ^ hmac(stored, text)[index]!);
    proven = createHash('sha512').update(clientKey).digest().equals(stored);
    return change.verdict ?? `v=${hmac(hmac(salted, 'Server Key'), text).toString('base64')}`;
  };
  return { exchange, proven: () => proven };
}

describe('SCRAM', () => {
  test('proves the password, and escapes the user', async () => {
    const server = scramServer('pässword');
    const messages: string[] = [];
    await scramExchange('SCRAM-SHA-512', 'a=b,c', 'pässword', (message) => {
      messages.push(message);
      return server.exchange(message);
    });
    expect(server.proven()).toBe(true);
    expect(messages[0]).toContain('n=a=3Db=2Cc,');
    expect(messages.join()).not.toContain('pässword');
  });

  test.each([
    ['does not go on from the nonce', { nonce: 'mine' }],
    ['asks for so few iterations that the password could be guessed', { iterations: 1 }],
    ['asks for more iterations than anybody has time for', { iterations: 100_000_000 }],
    ['does not know the password itself', { verdict: 'v=AAAA' }],
    ['answers with an error', { verdict: 'e=other-error' }],
  ])('refuses a server that %s', async (_what, change) => {
    const work = scramExchange('SCRAM-SHA-512', 'orders', 'secret', scramServer('secret', change).exchange);
    await expect(work).rejects.toBeInstanceOf(ScramViolation);
  });
});

describe('tokens of IAM', () => {
  const tokens = (lifeMs: number) => {
    let count = 0;
    return { count: () => count, fetch: async () => ({ token: `token-${++count}`, expiresAt: new Date(Date.now() + lifeMs) }) };
  };
  const logger = new kafkajs.Kafka({ brokers: ['unused:1'] }).logger();
  /** Authenticates as kafkajs would; `answers` are the broker's, in turn. */
  async function authenticate(mechanism: kafkajs.Mechanism, answers: (string | Error | Promise<Error>)[]): Promise<string[]> {
    const said: string[] = [];
    await mechanism
      .authenticationProvider({
        ...{ host: 'b1', port: 9098, logger },
        saslAuthenticate: async ({ request, response }) => {
          said.push((await request.encode()).subarray(4).toString());
          const answer = (await answers.shift()) ?? '';
          if (answer instanceof Error) throw answer;
          return response?.parse(await response.decode(Buffer.from(`\0\0\0\0${answer}`)));
        },
      })
      .authenticate();
    return said;
  }
  const refused = () => Object.assign(new Error('invalid token'), { type: 'SASL_AUTHENTICATION_FAILED' });

  test('are kept for further connections and fetched again before they expire', async () => {
    const [long, short] = [tokens(900_000), tokens(1)];
    const kept = oauthMechanism(kafkajs, long.fetch);
    expect(await authenticate(kept, [])).toEqual(['n,,\u0001auth=Bearer token-1\u0001\u0001']);
    await authenticate(kept, []);
    expect(long.count()).toBe(1);
    const renewed = oauthMechanism(kafkajs, short.fetch);
    await authenticate(renewed, []);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await authenticate(renewed, [])).toEqual(['n,,\u0001auth=Bearer token-2\u0001\u0001']);
  });

  test('are refused only after the complaint was taken note of, and fetched anew once', async () => {
    const { count, fetch } = tokens(900_000);
    const mechanism = oauthMechanism(kafkajs, fetch);
    // Of this class kafkajs opens another connection.
    await expect(authenticate(mechanism, ['{"status":"invalid_token"}', refused()])).rejects.toMatchObject({
      name: 'KafkaJSConnectionError',
    });
    expect(count()).toBe(2);
    await expect(authenticate(mechanism, [refused()])).rejects.toMatchObject({ type: 'SASL_AUTHENTICATION_FAILED' });
    expect(count()).toBe(2);
  });

  test('are fetched anew once when several brokers refuse the same one, one after the other', async () => {
    const { count, fetch } = tokens(900_000);
    const mechanism = oauthMechanism(kafkajs, fetch);
    const interrupted = { name: 'KafkaJSConnectionError' };
    let refuse = (_error: Error): void => undefined;
    const later = new Promise<Error>((resolve) => {
      refuse = resolve;
    });
    const second = authenticate(mechanism, [later]);
    await expect(authenticate(mechanism, [refused()])).rejects.toMatchObject(interrupted);
    refuse(refused());
    await expect(second).rejects.toMatchObject(interrupted);
    expect(count()).toBe(2);
    // One that was accepted may be refused later, as any other.
    await authenticate(mechanism, []);
    await expect(authenticate(mechanism, [refused()])).rejects.toMatchObject(interrupted);
    expect(count()).toBe(3);
  });

  test('a connection that breaks within the exchange is no refusal', async () => {
    const { count, fetch } = tokens(900_000);
    const mechanism = oauthMechanism(kafkajs, fetch);
    await expect(authenticate(mechanism, [new Error('closed')])).rejects.toMatchObject({ name: 'KafkaJSConnectionError' });
    expect(count()).toBe(1);
  });
});

describe('errors keep their meaning in Millrace’s terms', () => {
  const protocol = (type: string, retriable: boolean) =>
    new kafkajs.KafkaJSProtocolError(Object.assign(new Error(type), { type, code: 1, retriable }));
  const exceeded = (cause: Error) => new kafkajs.KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 1, retryTime: 1 });
  const given = new MillraceError('SECRET_UNAVAILABLE', 'no secret');
  const unrelated = new Error('of the handler');

  test.each([
    ['a refused password', protocol('SASL_AUTHENTICATION_FAILED', false), 'CONNECTION_REFUSED_CREDENTIALS', false],
    ['a topic of others', protocol('TOPIC_AUTHORIZATION_FAILED', false), 'ACCESS_DENIED', false],
    ['a group of others', protocol('GROUP_AUTHORIZATION_FAILED', false), 'ACCESS_DENIED', false],
    ['an unknown topic', protocol('UNKNOWN_TOPIC_OR_PARTITION', true), 'TOPIC_UNKNOWN', true],
    ['a leader that has moved', protocol('NOT_LEADER_FOR_PARTITION', true), 'CONNECTION_FAILED', true],
    ['too few replicas', protocol('NOT_ENOUGH_REPLICAS', true), 'PUBLISH_FAILED', true],
    ['a large message', protocol('MESSAGE_TOO_LARGE', false), 'EVENT_TOO_LARGE', false],
    ['nobody there', new kafkajs.KafkaJSConnectionError('refused', { code: 'ECONNREFUSED' }), 'CONNECTION_FAILED', true],
    ['an old certificate', new kafkajs.KafkaJSConnectionError('expired', { code: 'CERT_HAS_EXPIRED' }), 'CONNECTION_TLS_FAILED', false],
    ['no leader, after retries', exceeded(protocol('LEADER_NOT_AVAILABLE', true)), 'CONNECTION_FAILED', true],
    ['no secret, after retries', exceeded(given), 'SECRET_UNAVAILABLE', true],
  ] as const)('%s', (_what, error, code, retriable) => {
    expect(kafkaError(error, 'kafka service log')).toMatchObject({ name: 'MillraceError', code, retriable });
    expect(isLasting(kafkaError(error, 'kafka service log'))).toBe(!retriable);
  });

  test('what is not about the connection comes back as it was', () => {
    expect(kafkaError(unrelated, 'kafka')).toBe(unrelated);
    const invalid = protocol('INVALID_PARTITIONS', false);
    expect(kafkaError(invalid, 'kafka')).toBe(invalid);
  });
});

test('the request queue asks for no timer while nothing waits in it', async () => {
  await mendKafkajs();
  await mendKafkajs();
  const RequestQueue =
    jest.requireActual<
      new (
        options: object,
      ) => { scheduleCheckPendingRequests(): void; throttleCheckTimeoutId: unknown; pending: unknown[] }
    >('kafkajs/src/network/requestQueue');
  const queue = new RequestQueue({ logger: { debug: () => undefined } });
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  clearTimeout(queue.throttleCheckTimeoutId as NodeJS.Timeout);
});

test('a new socket begins without what the last one had left of an answer', async () => {
  await mendKafkajs();
  const Connection = jest.requireActual<new (options: object) => { connect(): Promise<unknown> }>('kafkajs/src/network/connection');
  const socketFactory = () => {
    throw new Error('no socket here');
  };
  const logger = new kafkajs.Kafka({ brokers: ['unused:1'], logLevel: kafkajs.logLevel.NOTHING }).logger();
  const connection = new Connection({ host: 'b1', port: 1, logger, socketFactory, requestTimeout: 1, connectionTimeout: 1 });
  Object.assign(connection, { chunks: [Buffer.of(1, 2)], bytesBuffered: 2, bytesNeeded: 99 });
  await expect(connection.connect()).rejects.toThrow('no socket here');
  expect(connection).toMatchObject({ chunks: [], bytesBuffered: 0, bytesNeeded: 4 });
});
