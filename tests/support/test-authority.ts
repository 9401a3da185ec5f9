import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificate, type CertificateRequest, createAuthority, issueCertificate } from '../../servers/tls/authority.ts';
import { testFolder } from './folders.ts';
import { testHost } from './test-redis.ts';

/** A certificate authority of a test's own. */
export interface TestAuthority {
  /** PEM text of its certificate. */
  readonly ca: string;
  /** File that holds `ca`. */
  readonly caFile: string;
  /** A server certificate that it signed, for this machine unless `hosts` says otherwise; dates in the past give an expired one. */
  issue(request?: Partial<CertificateRequest>): Promise<Certificate>;
  /** Removes the file. */
  remove(): Promise<void>;
}

/** Names and addresses under which tests reach their servers. */
const localHosts = ['localhost', testHost];

/** Makes an authority whose certificates are trusted by nobody who was not given `ca`. */
export async function testAuthority(): Promise<TestAuthority> {
  const [authority, folder] = await Promise.all([createAuthority(), testFolder('authority')]);
  const caFile = join(folder.path, 'ca.pem');
  await writeFile(caFile, authority.cert);
  return {
    ca: authority.cert,
    caFile,
    issue: (request = {}) => issueCertificate(authority, { hosts: localHosts, ...request }),
    remove: folder.remove,
  };
}
