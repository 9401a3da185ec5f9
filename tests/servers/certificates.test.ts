import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificatesOf } from '../../servers/supervisor/certificates.ts';
import { issueCertificate } from '../../servers/tls/authority.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

let folder: TestFolder;
let home: { tls: string; caFile: string };

beforeEach(async () => {
  folder = await testFolder('certificates');
  home = { tls: join(folder.path, 'tls'), caFile: join(folder.path, 'tls', 'ca.pem') };
  mkdirSync(home.tls);
});
afterEach(() => folder.remove());

const day = 86_400_000;
const authority = () => ({ cert: readFileSync(home.caFile, 'utf8'), key: readFileSync(join(home.tls, 'ca.key'), 'utf8') });

test('a certificate is for this machine alone, signed by the authority of the environment', async () => {
  const { ca, cert, key } = await certificatesOf(home).issue('cache');
  const certificate = new X509Certificate(cert);
  expect(certificate.verify(new X509Certificate(ca).publicKey)).toBe(true);
  expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1');
  expect(certificate.checkHost('example.com')).toBeUndefined();
  expect(certificate.ca).toBe(false);
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
});

test('keys are readable for their owner alone, the certificate of the authority for everybody', async () => {
  await certificatesOf(home).issue('cache');
  const modes = ['ca.key', 'cache.pem', 'ca.pem'].map((name) => statSync(join(home.tls, name)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o644]);
});

test('each server has a certificate of its own, and the same one at every start', async () => {
  const first = await certificatesOf(home).issue('cache');
  expect(await certificatesOf(home).issue('cache')).toEqual(first);
  expect((await certificatesOf(home).issue('events-1')).cert).not.toBe(first.cert);
});

test('servers that start at once get certificates of one authority', async () => {
  const certificates = certificatesOf(home);
  const issued = await Promise.all(['a', 'b', 'c', 'd'].map((id) => certificates.issue(id)));
  expect(new Set(issued.map(({ ca }) => ca)).size).toBe(1);
});

test.each([
  [30, false],
  [200, true],
])('one that ends in %i days is kept: %s', async (days, kept) => {
  await certificatesOf(home).issue('cache');
  const old = await issueCertificate(authority(), { hosts: ['localhost', '127.0.0.1'], validTo: new Date(Date.now() + days * day) });
  writeFileSync(join(home.tls, 'cache.pem'), `${old.cert}${old.key}${old.ca}`);
  expect((await certificatesOf(home).issue('cache')).cert === old.cert).toBe(kept);
});

test('a certificate that lacks a name of its server is made anew, one with more names is kept', async () => {
  const { issue } = certificatesOf(home);
  const first = await issue('cache');
  const named = await issue('cache', ['cache', 'localhost', '127.0.0.1', '10.78.0.16']);
  expect(named.cert).not.toBe(first.cert);
  expect(new X509Certificate(named.cert).subjectAltName).toBe('DNS:cache, DNS:localhost, IP Address:127.0.0.1, IP Address:10.78.0.16');
  expect(await issue('cache')).toEqual(named);
});

test('an authority that was removed is made anew, and so are its certificates', async () => {
  const before = await certificatesOf(home).issue('cache');
  rmSync(home.caFile);
  const after = await certificatesOf(home).issue('cache');
  expect(after.ca).not.toBe(before.ca);
  expect(new X509Certificate(after.cert).verify(new X509Certificate(after.ca).publicKey)).toBe(true);
});

test('half a file is no certificate', async () => {
  const { cert } = await certificatesOf(home).issue('cache');
  writeFileSync(join(home.tls, 'cache.pem'), cert);
  expect((await certificatesOf(home).issue('cache')).key).toMatch(/PRIVATE KEY/);
});
