import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** Hash and key length by mechanism. */
const digests = { 'SCRAM-SHA-256': { name: 'sha256', bytes: 32 }, 'SCRAM-SHA-512': { name: 'sha512', bytes: 64 } } as const;
export type ScramMechanism = keyof typeof digests;

/** What RFC 7677 asks for at least, and more than any broker takes the time for. */
const iterationBounds = { min: 4_096, max: 1_000_000 };

/** Sends one message of the exchange and gives the server's. */
type Exchange = (message: string) => Promise<string>;

/**
 * Proves to a server that the password is known, and has the server prove the same.
 *
 * kafkajs has SCRAM, but takes the password once for all, and calls a connection that breaks within the exchange a refused password.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5802
 */
export async function scramExchange(mechanism: ScramMechanism, username: string, password: string, exchange: Exchange): Promise<void> {
  const digest = digests[mechanism];
  const hmac = (key: Buffer, text: string): Buffer => createHmac(digest.name, key).update(text).digest();
  const nonce = randomBytes(24).toString('base64url');
  const firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const challenge = await exchange(`n,,${firstBare}`);
  const { r: joined, s: salt, i: iterations } = attributesOf(challenge);
  if (joined === undefined || salt === undefined || !joined.startsWith(nonce)) throw new ScramViolation('the challenge is malformed');
  const count = Number(iterations);
  if (!(count >= iterationBounds.min && count <= iterationBounds.max)) throw new ScramViolation(`${iterations} iterations`);

  const finalBare = `c=${Buffer.from('n,,').toString('base64')},r=${joined}`;
  const authMessage = `${firstBare},${challenge},${finalBare}`;
  const salted = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), count, digest.bytes, digest.name);
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash(digest.name).update(clientKey).digest(), authMessage);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
  const verdict = attributesOf(await exchange(`${finalBare},p=${Buffer.from(proof).toString('base64')}`));
  const expected = hmac(hmac(salted, 'Server Key'), authMessage);
  const given = Buffer.from(verdict.v ?? '', 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new ScramViolation('the server does not know the password');
}

/** A server that does not keep to the protocol, or only pretends to know the password. */
export class ScramViolation extends Error {
  override readonly name = 'ScramViolation';
}

function attributesOf(message: string): Record<string, string | undefined> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}
