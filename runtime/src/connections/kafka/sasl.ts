import type { Mechanism, SaslAuthenticateArgs } from 'kafkajs';
import type { IamToken } from '../../aws/iam-tokens.ts';
import { tokenSource } from '../../aws/token-source.ts';
import type { ServiceHandle } from '../../binding/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { within } from './deadline.ts';
import type { KafkajsModule } from './kafkajs.ts';
import { ScramViolation, scramExchange } from './scram.ts';
import type { ResolvedKafkaOptions } from './settings.ts';

/** A secret that may change at any time. */
interface Credential {
  read(): Promise<string>;
  /** The secret now, whatever was kept. */
  reread(): Promise<string>;
}

type ErrorClasses = Pick<KafkajsModule, 'KafkaJSConnectionError'>;
type Exchange = (message: string) => Promise<string>;
type Prove = (secret: string, exchange: Exchange) => Promise<void>;

/** How to prove who you are to each broker, at each new connection and each re-authentication; undefined where brokers do not ask. */
export async function saslMechanism(
  kafkajs: ErrorClasses,
  handle: ServiceHandle,
  settings: ResolvedKafkaOptions,
): Promise<Mechanism | undefined> {
  const { auth, iam, tls } = handle.service;
  const { connectTimeoutMs } = settings;
  /** kafkajs waits for a proof without limit. */
  const inTime = <T>(what: string, reading: Promise<T>): Promise<T> =>
    within(reading, connectTimeoutMs, () => unread(`${what} of service ${handle.name}`, connectTimeoutMs));
  if (auth.mode === 'none') return undefined;
  if (auth.mode === 'iam') {
    if (iam === undefined) throw missing(handle, 'iam');
    // Whoever reads a token on its way can use it.
    if (tls === undefined) throw missing(handle, 'tls');
    const { mskToken } = await import('../../aws/iam-tokens.ts');
    const { credentials } = settings;
    return oauthMechanism(kafkajs, () => inTime('a token', mskToken({ region: iam.region, credentials })));
  }
  const { username, secretRef } = auth;
  if (username === undefined || secretRef === undefined) throw missing(handle, username === undefined ? 'auth.username' : 'auth.secretRef');
  const { scramMechanism } = settings;
  const password: Credential = {
    read: () => inTime('the password', handle.secret(secretRef)),
    reread: () => inTime('the password', handle.secret(secretRef, { fresh: true })),
  };
  return mechanism(kafkajs, scramMechanism, password, (secret, exchange) => scramExchange(scramMechanism, username, secret, exchange));
}

/** SASL/OAUTHBEARER with tokens that are kept and fetched again before they expire. */
export function oauthMechanism(kafkajs: ErrorClasses, fetch: () => Promise<IamToken>): Mechanism {
  let source = tokenSource(fetch);
  const credential: Credential = {
    read: () => source(),
    reread() {
      source = tokenSource(fetch);
      return source();
    },
  };
  return mechanism(kafkajs, 'OAUTHBEARER', credential, async (token, exchange) => {
    const complaint = await exchange(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
    // RFC 7628: a server that refuses the token says why, and refuses only after the client has taken note. kafkajs takes the complaint for a yes.
    if (complaint !== '') await exchange('\u0001');
  });
}

/** Reads the secret for each proof, so that a rotated one needs no restart; a refused one is read again once and, if it differs, tried. */
function mechanism(kafkajs: ErrorClasses, name: string, credential: Credential, prove: Prove): Mechanism {
  /** What the last reread gave, until it is accepted or refused. One for all brokers: several may refuse the former secret at once. */
  let renewed: string | undefined;
  async function isReplaced(refused: string): Promise<boolean> {
    if (refused === renewed) return false;
    if ((await credential.read()) !== refused) return true;
    const now = await credential.reread();
    if (now === refused) return false;
    renewed = now;
    return true;
  }
  async function authenticate(broker: string, exchange: Exchange): Promise<void> {
    const secret = await credential.read().catch((error: unknown) => {
      // kafkajs would begin again on the connection that has begun, which the broker takes for a mistake.
      throw isMillraceError(error) && error.retriable ? interrupted(broker, error) : error;
    });
    try {
      await prove(secret, exchange);
      if (secret === renewed) renewed = undefined;
    } catch (error) {
      const refused = isRefusal(error);
      if (refused && !(await isReplaced(secret))) {
        // Whoever tries again later may find yet another one.
        if (secret === renewed) renewed = undefined;
        throw error;
      }
      // Of this class kafkajs knows that the connection is of no more use and that another one may be.
      const reason = refused ? 'the secret has changed' : error instanceof Error ? error.message : String(error);
      throw new kafkajs.KafkaJSConnectionError(`${name} with ${broker} was interrupted: ${reason}`, { broker });
    }
  }
  function interrupted(broker: string, cause: MillraceError): Error {
    return Object.assign(new kafkajs.KafkaJSConnectionError(`${name} with ${broker} was interrupted: ${cause.message}`, { broker }), {
      cause,
    });
  }
  return {
    mechanism: name,
    authenticationProvider: ({ host, port, saslAuthenticate }) => ({
      authenticate: () =>
        authenticate(`${host}:${port}`, async (message) => {
          const answer = await saslAuthenticate(saslMessage(message));
          return typeof answer === 'string' ? answer : '';
        }),
    }),
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof ScramViolation || (error as { type?: unknown } | undefined)?.type === 'SASL_AUTHENTICATION_FAILED';
}

/** kafkajs passes bytes with their length before them, in both directions. */
function saslMessage(text: string): SaslAuthenticateArgs<string> {
  const body = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return {
    request: { encode: () => Buffer.concat([length, body]) },
    response: { decode: (raw) => raw.subarray(4), parse: (bytes) => bytes.toString() },
  };
}

/** @param what `the password of service log` */
export function unread(what: string, limitMs: number): MillraceError {
  return new MillraceError('SECRET_UNAVAILABLE', `${what} could not be read within ${Math.round(limitMs)} ms; see why its source is slow`);
}

function missing(handle: ServiceHandle, what: string): MillraceError {
  return new MillraceError(
    'BINDING_INVALID',
    `service ${handle.name} has auth.mode ${handle.service.auth.mode} and no ${what}; add it to the binding`,
  );
}
