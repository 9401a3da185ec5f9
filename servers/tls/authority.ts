import { webcrypto, X509Certificate } from 'node:crypto';
// The library's own container needs it, and leaves it to its users to load it.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** A certificate authority: PEM texts of its certificate and its private key. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

/** What a server shows to its clients: PEM texts of its certificate, its private key (PKCS #8) and the authority that signed it. */
export interface Certificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Names and addresses that it is good for; the first one is its common name. */
  readonly hosts: readonly string[];
  /** @default an hour ago: the clocks of containers lag */
  readonly validFrom?: Date;
  /** @default in two years, less than the 825 days after which Apple's clients refuse a certificate */
  readonly validTo?: Date;
}

/** Every server and client here knows it, and Java 17, OpenSSL 3 and Erlang 25 make it in milliseconds. */
const keyKind = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 86_400_000;
const authorityYears = 10;

/** A new authority of this machine; whoever has its key can speak for every server of the environment, so it stays in one file that only its owner reads. */
export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Millrace local CA',
    keys,
    signingAlgorithm: keyKind,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + authorityYears * 365 * day),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false),
    ],
  });
  return { cert: pem(certificate.toString('pem')), key: await privatePem(keys) };
}

/** A certificate of `authority` for a server, which also lets it prove itself to other servers. */
export async function issueCertificate(authority: Authority, request: CertificateRequest): Promise<Certificate> {
  const { hosts, validFrom = new Date(Date.now() - 3_600_000), validTo = new Date(Date.now() + 730 * day) } = request;
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: issuer.subject,
    subject: `CN=${hosts[0]}`,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(authority.key), keyKind, false, ['sign']),
    signingAlgorithm: keyKind,
    notBefore: validFrom,
    notAfter: validTo,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((host) => ({ type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer, false),
    ],
  });
  return { ca: authority.cert, cert: pem(certificate.toString('pem')), key: await privatePem(keys) };
}

/** When the certificate ends. */
export function expiryOf(certificate: string): Date {
  return new x509.X509Certificate(certificate).notAfter;
}

/** Whether the certificate is good for each of the names and addresses. */
export function isFor(certificate: string, hosts: readonly string[]): boolean {
  const { subjectAltName = '' } = new X509Certificate(certificate);
  const names = subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  return hosts.every((host) => names.includes(host));
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyKind, true, ['sign', 'verify']);
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return pem(x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY'));
}

/** OpenSSL wants the line break at the end. */
function pem(text: string): string {
  return `${text.trimEnd()}\n`;
}
