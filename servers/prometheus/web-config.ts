import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { writePrivateFile } from '../local-process/files.ts';
import { type CertificateFiles, type ServerTls, writeCertificate } from '../tls/server-tls.ts';

/** The one user that `up` makes. */
export const adminUser = 'admin';

/**
 * Prometheus and Alertmanager check a password once and remember that it was right, so the cost is paid at the first request after a start (about 60 ms)
 * and for every wrong one; it is the library's default.
 */
export const passwordCost = 10;

export interface WebSettings {
  readonly user: string;
  /** Made with bcrypt. */
  readonly passwordHash: string;
  readonly tls?: Pick<CertificateFiles, 'certFile' | 'keyFile'> | undefined;
}

/** The file of `--web.config.file`, which Prometheus and Alertmanager both read. JSON is YAML. */
export function renderWebConfig({ user, passwordHash, tls }: WebSettings): string {
  const config = {
    ...(tls && { tls_server_config: { cert_file: tls.certFile, key_file: tls.keyFile, min_version: 'TLS12' } }),
    basic_auth_users: { [user]: passwordHash },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Puts it into the server's folder, with the certificate that it names. */
export async function writeWebConfig(dir: string, password: string, tls: ServerTls | undefined): Promise<void> {
  const passwordHash = await hash(password, passwordCost);
  const files = tls && (await writeCertificate(dir, tls));
  writePrivateFile(webConfigFile(dir), renderWebConfig({ user: adminUser, passwordHash, tls: files }));
}

export function webConfigFile(dir: string): string {
  return join(dir, 'web.yml');
}
