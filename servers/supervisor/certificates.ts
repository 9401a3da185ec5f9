import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { updatePublicFile, writePrivateFile } from '../local-process/files.ts';
import { type Authority, type Certificate, createAuthority, expiryOf, isFor, issueCertificate } from '../tls/authority.ts';
import { loopbackNames } from '../tls/loopback.ts';
import type { Home } from './home.ts';

/** Certificates of one environment; they lie in its folder and are the same at every start. */
export interface Certificates {
  /** PEM file of the authority. */
  readonly caFile: string;
  /**
   * The certificate of server `id`, made when it is missing, about to expire, signed by an authority that is gone, or good for other names.
   *
   * @param hosts under which it is reached. @default this machine's loopback
   */
  issue(id: string, hosts?: readonly string[]): Promise<Certificate>;
}

/** A server that was started with a certificate keeps it until it is started again. */
const renewBeforeMs = 90 * 86_400_000;

export function certificatesOf({ tls, caFile }: Pick<Home, 'tls' | 'caFile'>): Certificates {
  let authority: Promise<Authority> | undefined;
  return {
    caFile,
    async issue(id, hosts = loopbackNames) {
      authority ??= authorityIn(tls, caFile);
      const { cert: ca } = await authority;
      const file = join(tls, `${id}.pem`);
      const known = read(file);
      if (known !== undefined && known.ca === ca && expiryOf(known.cert).getTime() > Date.now() + renewBeforeMs && isFor(known.cert, hosts))
        return known;
      const issued = await issueCertificate(await authority, { hosts });
      writePrivateFile(file, `${issued.cert}${issued.key}${issued.ca}`);
      return issued;
    },
  };
}

async function authorityIn(folder: string, caFile: string): Promise<Authority> {
  const keyFile = join(folder, 'ca.key');
  if (existsSync(caFile) && existsSync(keyFile)) return { cert: readFileSync(caFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const made = await createAuthority();
  writePrivateFile(keyFile, made.key);
  updatePublicFile(caFile, made.cert);
  return made;
}

/** The three parts in the order in which they were written; undefined when there is no such file, or not all of it. */
function read(file: string): Certificate | undefined {
  if (!existsSync(file)) return undefined;
  const parts = readFileSync(file, 'utf8').match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\n/g) ?? [];
  const [cert, key, ca] = parts;
  return cert === undefined || key === undefined || ca === undefined ? undefined : { ca, cert, key };
}
