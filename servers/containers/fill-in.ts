import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, hash } from 'bcryptjs';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Variables } from '../find/program.ts';
import { credentialsOf } from '../kafka/format.ts';
import { writePrivateFile } from '../local-process/files.ts';
import { hashPassword } from '../rabbitmq/config.ts';
import { sha256 } from '../redis/users.ts';
import { certificatesOf } from '../supervisor/certificates.ts';
import { readDeclared } from '../supervisor/declared-secrets.ts';
import { type Home, makeFolder } from '../supervisor/home.ts';
import { knownSecret, secretOf } from '../supervisor/secrets.ts';
import type { Certificate } from '../tls/authority.ts';
import { environmentAuthority } from './authorities.ts';
import type { Manifest } from './manifest.ts';
import { declaredRef, type PlaceholderKind, placeholder } from './placeholders.ts';

/** Puts values in place of the placeholders of a text. @throws {MillraceError} SECRET_UNAVAILABLE for a declared secret that is not there. */
export type FillIn = (text: string) => Promise<string>;

/** Values come from the folder of the environment; what is missing there is made, and stays the same from then on. */
export function fillerOf({ certificates }: Pick<Manifest, 'certificates'>, home: Home, env: Variables): FillIn {
  const issue = issuer(certificates, home);
  const values: Readonly<Record<PlaceholderKind, (...words: string[]) => string | Promise<string>>> = {
    password: (id = '') => secretOf(home, id),
    sha256: (id = '') => sha256(secretOf(home, id)),
    bcrypt: (id = '', cost = '') => bcryptOf(home, id, Number(cost)),
    'rabbit-hash': (id = '') => hashPassword(secretOf(home, id), saltOf(secretOf(home, id), 4)),
    scram: (id = '', username = '') => credentialsOf(username, secretOf(home, id), saltOf(secretOf(home, id), 24)),
    authority: async (authority = '') => (await issue(authority)).ca,
    certificate: async (authority = '', name = '') => (await issue(authority, name)).cert,
    key: async (authority = '', name = '') => (await issue(authority, name)).key,
    declared: (ref = '') => readDeclared(declaredRef(ref), home, env),
  };
  return async (text) => {
    const found = [...new Set([...text.matchAll(placeholder)].map(([whole]) => whole))];
    let filled = text;
    for (const whole of found) {
      const [kind, ...words] = whole.slice(2, -2).split(':') as [PlaceholderKind, ...string[]];
      const value = await values[kind](...words);
      // A function, because a dollar sign in a text to put in has a meaning.
      filled = filled.replaceAll(whole, () => value);
    }
    return filled;
  };
}

/** Made from the password, so that a file stays as it is while the password does; it has 192 random bits, of which a hash tells nothing. */
function saltOf(password: string, bytes: number): Buffer<ArrayBuffer> {
  return Buffer.from(createHash('sha256').update(`salt ${password}`).digest().subarray(0, bytes));
}

/** Kept, because another hash of the same password would be another file. */
async function bcryptOf(home: Home, id: string, cost: number): Promise<string> {
  const [password, name] = [secretOf(home, id), `${id}.bcrypt-${cost}`];
  const known = knownSecret(home.secrets, name);
  if (known !== undefined && (await compare(password, known))) return known;
  const made = await hash(password, cost);
  writePrivateFile(join(home.secrets, name), made);
  return made;
}

function issuer(certificates: Manifest['certificates'], home: Home): (authority: string, name?: string) => Promise<Certificate> {
  return (authority, wanted) => {
    const issued = certificates[authority] ?? {};
    const name = wanted ?? Object.keys(issued)[0] ?? '';
    const hosts = issued[name];
    if (hosts === undefined) throw new MillraceError('STATE_CORRUPT', `no certificate ${name} of the authority ${authority} is planned`);
    const folder = authority === environmentAuthority ? home.tls : join(home.tls, authority);
    makeFolder(folder);
    const { issue } = certificatesOf({ tls: folder, caFile: join(folder, 'ca.pem') });
    return issue(name, hosts);
  };
}

/** The text of a file of the environment that a binding refers to. */
export function readReferred({ dir }: Home, id: string): string {
  return readFileSync(join(dir, id), 'utf8');
}
