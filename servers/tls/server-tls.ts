import { join } from 'node:path';
import { writePrivateFile } from '../local-process/files.ts';
import type { Owner } from '../local-process/launch.ts';
import type { Certificate } from './authority.ts';

/** How one server comes by its certificate. */
export interface ServerTls {
  /** PEM file of the authority that clients are to trust; there when the first certificate was issued. */
  readonly caFile: string;
  /** Its certificate; another one only when the last is about to expire. */
  issue(): Promise<Certificate>;
}

/** Paths that configurations name. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where `writeCertificate` puts the files of a server that lives in `dir`. */
export function certificateFiles(dir: string): CertificateFiles {
  return { caFile: join(dir, 'ca.pem'), certFile: join(dir, 'server.pem'), keyFile: join(dir, 'server.key') };
}

/** Puts the certificate into the server's own folder, for its user alone. */
export async function writeCertificate(dir: string, tls: ServerTls, owner?: Owner): Promise<CertificateFiles> {
  const { ca, cert, key } = await tls.issue();
  const files = certificateFiles(dir);
  writePrivateFile(files.caFile, ca, owner);
  writePrivateFile(files.certFile, cert, owner);
  writePrivateFile(files.keyFile, key, owner);
  return files;
}
