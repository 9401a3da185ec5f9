import type { SecretRef } from '../../runtime/src/contracts/binding.ts';

/** What a placeholder may stand for, with the words that follow it. */
export const placeholderKinds = [
  'password',
  'sha256',
  'bcrypt',
  'rabbit-hash',
  'scram',
  'authority',
  'certificate',
  'key',
  'declared',
] as const;
export type PlaceholderKind = (typeof placeholderKinds)[number];

/** Finds placeholders: what it stands for, then its words. */
export const placeholder = new RegExp(`@@(${placeholderKinds.join('|')}):([A-Za-z0-9_.:-]+)@@`, 'g');

function later(kind: PlaceholderKind, ...words: readonly (string | number)[]): string {
  return `@@${[kind, ...words].join(':')}@@`;
}

/**
 * Stand in the files of containers until `fillIn` puts the values in their place on the machine: a plan has these alone. They are made of characters that no
 * configuration quotes, and the values are too, but for keys and certificates.
 */
export const given = {
  /** The password, drawn at random the first time. */
  password: (id: string) => later('password', id),
  /** Its SHA-256, hexadecimal. */
  sha256: (id: string) => later('sha256', id),
  bcrypt: (id: string, cost: number) => later('bcrypt', id, cost),
  /** What RabbitMQ keeps of it. */
  rabbitHash: (id: string) => later('rabbit-hash', id),
  /** The user with it, as Kafka's storage tool takes users. */
  scram: (id: string, username: string) => later('scram', id, username),
  /** PEM texts: of an authority, and of the certificate that it signed under that name. */
  authority: (authority: string) => later('authority', authority),
  certificate: (authority: string, name: string) => later('certificate', authority, name),
  key: (authority: string, name: string) => later('key', authority, name),
  /** A secret that people put where the declaration says. */
  declared: (ref: SecretRef) => later('declared', Buffer.from(JSON.stringify(ref)).toString('base64url')),
};

/** What a placeholder for a declared secret refers to. */
export function declaredRef(word: string): SecretRef {
  return JSON.parse(Buffer.from(word, 'base64url').toString()) as SecretRef;
}
