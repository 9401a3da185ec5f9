import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compareSync } from 'bcryptjs';
import type { Manifest } from '../../servers/containers/manifest.ts';
import { given } from '../../servers/containers/placeholders.ts';
import { prepare } from '../../servers/containers/prepare.ts';
import { publish } from '../../servers/containers/publish.ts';
import { writeBinding } from '../../servers/supervisor/binding.ts';
import { type Home, homeOf } from '../../servers/supervisor/home.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

let folder: TestFolder;
let home: Home;

beforeEach(async () => {
  folder = await testFolder('containers');
  home = homeOf('test', join(folder.path, 'state'), {});
});
afterEach(() => folder.remove());

const empty: Manifest = { environment: 'test', certificates: {}, containers: {}, documents: {}, dashboards: {} };
const withFiles = (containers: Manifest['containers']): Manifest => ({ ...empty, containers });
const read = (container: string, file: string) => readFileSync(join(home.dir, 'containers', container, file), 'utf8');
const password = (id: string) => readFileSync(join(home.secrets, id), 'utf8');

/** Every file below a folder, with its mode and its content. */
function contents(dir: string): Record<string, string> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(entries.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]));
}

test('a password is drawn once, and every form of it is of the same one', async () => {
  const forms = {
    ...{ plain: given.password('cache'), hash: given.sha256('cache'), bcrypt: given.bcrypt('cache', 4) },
    ...{ rabbit: given.rabbitHash('cache'), scram: given.scram('cache', 'admin') },
  };
  await prepare(withFiles({ one: forms, other: { again: `requirepass ${given.password('cache')}\n` } }), home, {});
  expect(password('cache')).toMatch(/^[\w-]{32}$/);
  expect(read('one', 'plain')).toBe(password('cache'));
  expect(read('other', 'again')).toBe(`requirepass ${password('cache')}\n`);
  expect(read('one', 'hash')).toMatch(/^[0-9a-f]{64}$/);
  expect(compareSync(password('cache'), read('one', 'bcrypt'))).toBe(true);
  expect(Buffer.from(read('one', 'rabbit'), 'base64')).toHaveLength(4 + 32);
  expect(read('one', 'scram')).toMatch(/^SCRAM-SHA-512=\[name=admin,salt="[\w+/]+=*",saltedpassword="[\w+/]+=*",iterations=4096\]$/);
});

test('nothing changes when nothing has changed, salts and certificates included', async () => {
  const manifest: Manifest = {
    ...withFiles({
      one: { a: given.bcrypt('x', 4), b: given.scram('x', 'u'), c: given.rabbitHash('x'), d: given.certificate('environment', 'one') },
    }),
    certificates: { environment: { one: ['one', 'localhost'] } },
  };
  await prepare(manifest, home, {});
  const before = contents(home.dir);
  await prepare(manifest, home, {});
  expect(contents(home.dir)).toEqual(before);
});

test('another password is another hash of it', async () => {
  const manifest = withFiles({ one: { a: given.bcrypt('x', 4) } });
  await prepare(manifest, home, {});
  writeFileSync(join(home.secrets, 'x'), 'changed');
  await prepare(manifest, home, {});
  expect(compareSync('changed', read('one', 'a'))).toBe(true);
});

test('certificates are for the planned names; an authority of one server alone is another', async () => {
  const manifest: Manifest = {
    ...withFiles({
      search: { 'tls/server.pem': given.certificate('environment', 'search'), 'node/ca.pem': given.authority('search-nodes') },
      cache: { 'tls/ca.pem': given.authority('environment'), 'tls/server.key': given.key('environment', 'cache') },
    }),
    certificates: { environment: { search: ['search', '10.78.0.16'], cache: ['cache'] }, 'search-nodes': { node: ['node'] } },
  };
  await prepare(manifest, home, {});
  const [certificate, authority, nodes] = [read('search', 'tls/server.pem'), read('cache', 'tls/ca.pem'), read('search', 'node/ca.pem')];
  expect(new X509Certificate(certificate).subjectAltName).toBe('DNS:search, IP Address:10.78.0.16');
  expect(new X509Certificate(certificate).verify(new X509Certificate(authority).publicKey)).toBe(true);
  expect(nodes).not.toBe(authority);
  expect(read('cache', 'tls/server.key')).toContain('BEGIN PRIVATE KEY');
  expect(readFileSync(home.caFile, 'utf8')).toBe(authority);
});

test('files are open to the user of an image, in a folder that is closed to all others of this machine', async () => {
  const umask = process.umask(0o077);
  try {
    await prepare(withFiles({ one: { 'tls/server.key': 'x' } }), home, {});
  } finally {
    process.umask(umask);
  }
  const mode = (...path: string[]) => statSync(join(home.dir, ...path)).mode & 0o777;
  expect([mode('containers'), mode('secrets')]).toEqual([0o700, 0o700]);
  expect([mode('containers', 'one'), mode('containers', 'one', 'tls'), mode('containers', 'one', 'tls', 'server.key')]).toEqual([
    ...[0o755, 0o755],
    0o644,
  ]);
});

test('what is no longer planned goes away; a folder that a container has mounted stays the same one', async () => {
  await prepare(withFiles({ one: { a: '1', 'b/c': '2' }, other: { a: '3' } }), home, {});
  const inode = () => statSync(join(home.dir, 'containers', 'one')).ino;
  const before = inode();
  await prepare(withFiles({ one: { a: '1' } }), home, {});
  expect(inode()).toBe(before);
  expect(existsSync(join(home.dir, 'containers', 'one', 'b', 'c'))).toBe(false);
  expect(readdirSync(join(home.dir, 'containers'))).toEqual(['one']);
});

test('a declared secret comes from where the declaration says, and its want is told', async () => {
  const manifest = withFiles({ alerts: { webhook: given.declared({ from: 'env', id: 'SLACK_URL' }) } });
  await expect(prepare(manifest, home, {})).rejects.toMatchObject({
    code: 'SECRET_UNAVAILABLE',
    message: expect.stringContaining('SLACK_URL'),
  });
  await prepare(manifest, home, { SLACK_URL: 'https://hooks.example/$1' });
  expect(read('alerts', 'webhook')).toBe('https://hooks.example/$1');
});

test('the binding is published beside what it names, dashboards that are gone go', async () => {
  const topology = { topics: {} } as never;
  const declared = { name: 'test', topology, retention: { outboxDays: 7, inboxDays: 14, serverLogDays: 30 } };
  const other = homeOf('other', join(folder.path, 'other'), {});
  mkdirSync(other.dir);
  writeBinding(other, declared, {});
  const documents = Object.fromEntries(
    ['binding.json', 'topology.json', 'binding.d.ts'].map((name) => [name, readFileSync(join(other.dir, name), 'utf8')]),
  );
  await prepare(empty, home, {});
  await publish({ ...empty, documents, dashboards: { 'a.json': '{}', 'b.json': '{}' } }, home);
  await publish({ ...empty, documents, dashboards: { 'a.json': '{}' } }, home);
  expect(contents(home.dashboards)).toEqual({ [join(home.dashboards, 'a.json')]: '{}' });
  expect(readFileSync(home.bindingFile, 'utf8')).toBe(documents['binding.json']);
});

describe('the program', () => {
  const repository = resolve(__dirname, '..', '..');
  const run = (...words: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', join(repository, 'servers/containers/main.ts'), ...words], {
      cwd: repository,
      encoding: 'utf8',
    });

  test('reads what was planned from a file, and fails in a sentence where that is of another version', () => {
    const file = join(folder.path, 'files.json');
    writeFileSync(file, JSON.stringify(withFiles({ one: { a: 'text' } })));
    const words = ['prepare', '--manifest', file, '--state-dir', home.dir];
    expect(run(...words)).toMatchObject({ status: 0, stderr: '' });
    expect(read('one', 'a')).toBe('text');
    writeFileSync(file, JSON.stringify({ containers: { '../out': { '../../a': 'x' } } }));
    expect(run(...words)).toMatchObject({ status: 1, stderr: expect.stringMatching(/^STATE_CORRUPT: .* run make synth again\n$/) });
  });
});
