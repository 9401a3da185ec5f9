import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { topologyDocument } from '../../environments/document.ts';
import { environment } from '../../environments/index.ts';
import type { BindingFragment } from '../../runtime/src/contracts/binding.ts';
import { readTopology } from '../../runtime/src/topology/index.ts';
import { writeBinding } from '../../servers/supervisor/binding.ts';
import { homeOf, makeHome, removeHome } from '../../servers/supervisor/home.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

const local = environment('local');
const bound = (kind: 'postgres' | 'redis', role: 'database' | 'cache'): BindingFragment[string] => ({
  kind,
  role,
  endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 17_000 }],
  auth: { mode: 'none' },
});

let folder: TestFolder;
beforeAll(async () => {
  folder = await testFolder('binding');
});
afterAll(() => folder?.remove());

function written(services: BindingFragment) {
  const home = homeOf('local', folder.path, {});
  makeHome(home);
  return { home, document: writeBinding(home, local, services) };
}

test('the topology beside a binding is the document of the environment, and its hash is in the binding', async () => {
  const { home, document } = written({ cache: bound('redis', 'cache') });
  expect(readFileSync(home.topologyFile, 'utf8')).toBe(topologyDocument(local));
  const topology = await readTopology({ document, baseDir: folder.path });
  expect(topology.retention).toEqual({ outboxDays: local.retention.outboxDays, inboxDays: local.retention.inboxDays });
});

test('a database has an archive beside it, which goes with the environment', () => {
  expect(written({ cache: bound('redis', 'cache') }).document.archive).toBeUndefined();
  const { home, document } = written({ database: bound('postgres', 'database') });
  expect(document.archive).toEqual({ location: 'archive/' });
  mkdirSync(home.archive);
  removeHome(home);
  expect(existsSync(home.archive)).toBe(false);
});
