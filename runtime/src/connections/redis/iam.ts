import type * as Ioredis from 'ioredis';
import { elastiCacheToken } from '../../aws/iam-tokens.ts';
import { tokenSource } from '../../aws/token-source.ts';
import type { ServiceHandle } from '../../binding/index.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { withoutSecrets } from './errors.ts';

/** Proves an identity of AWS to ElastiCache. */
export interface IamSignIn {
  /** A token that is good for minutes yet. @throws {MillraceError} AWS_CREDENTIALS_UNAVAILABLE */
  readonly token: () => Promise<string>;
  /** Keeps the password of `connection` valid for reconnections to come, and its nodes signed in; gives what ends that. */
  keepUp(connection: Kept, rhythm?: Rhythm): () => void;
}

type KeptNode = Pick<Ioredis.Redis, 'status' | 'mode' | 'options' | 'auth'>;

/** What is kept signed in. */
export interface Kept {
  nodes(): readonly KeptNode[];
  renew(): Promise<unknown>;
  tell(error: unknown): void;
}

export interface Rhythm {
  /** Pause between looks at the token; it is renewed when a quarter of its 15 minutes is left. @default 60_000 */
  readonly lookEveryMs?: number;
  /** Time after which the server is shown a token again; ElastiCache ends a connection 12 h after it saw the last one. @default 6 h */
  readonly signInEveryMs?: number;
}

/** @throws {MillraceError} BINDING_INVALID when the binding does not say who signs in where, or the token would travel in plain text. */
export function iamSignIn(handle: ServiceHandle): IamSignIn {
  const { iam, auth, tls } = handle.service;
  const { username } = auth;
  if (iam === undefined || username === undefined || tls === undefined) {
    const missing = iam === undefined ? 'iam' : username === undefined ? 'auth.username' : 'tls';
    throw new MillraceError('BINDING_INVALID', `service ${handle.name} has auth.mode iam and no ${missing}; add it to the binding`);
  }
  const { region, resourceName: cacheName, serverless } = iam;
  return {
    token: tokenSource(() => elastiCacheToken({ username, cacheName, region, serverless })),
    keepUp,
  };
}

function keepUp(connection: Kept, { lookEveryMs = 60_000, signInEveryMs = 6 * 3_600_000 }: Rhythm = {}): () => void {
  let signedInAt = performance.now();
  const look = async (): Promise<void> => {
    await connection.renew();
    if (performance.now() - signedInAt < signInEveryMs) return;
    await Promise.all(connection.nodes().map(signInAgain));
    signedInAt = performance.now();
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => connection.tell(withoutSecrets(error)));
  }, lookEveryMs);
  // Its connections keep a process alive, not this.
  timer.unref();
  return () => clearInterval(timer);
}

/** AUTH takes its turn among the commands in flight and disturbs none; refused, it leaves the connection as it was. */
async function signInAgain(node: KeptNode): Promise<void> {
  const { username, password } = node.options;
  if (node.status !== 'ready' || node.mode !== 'normal' || username == null || password == null) return;
  await node.auth(username, password);
}
