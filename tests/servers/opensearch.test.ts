import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { askHttp, type HttpAnswer, type HttpQuestion } from '../../servers/local-process/ask-http.ts';
import { startTrial, type Trial } from './trial.ts';

let trial: Trial;

const file = (...path: string[]) => join(trial.stateDir, ...path);
const binding = () => bindingSchema.parse(JSON.parse(readFileSync(file('binding.json'), 'utf8')));
const password = () => readFileSync(file('secrets', 'search'), 'utf8');
const port = () => binding().services.search!.endpoints[0]!.port;

/** As a service does: with what the binding says. */
function ask(question: Omit<HttpQuestion, 'signal'>, as: string = password()): Promise<HttpAnswer> {
  const caFile = file(binding().services.search!.tls!.caRef!.id);
  const address = { host: '127.0.0.1', port: port(), user: 'admin', password: as, caFile };
  return askHttp(address, { ...question, signal: AbortSignal.timeout(20_000) });
}

beforeAll(async () => {
  trial = await startTrial({ search: { kind: 'opensearch', role: 'search' } });
  await trial.start();
}, 180_000);
afterAll(async () => {
  await trial.remove();
});

test('the binding has the address, the user and the authority of the server', () => {
  const { tls, auth, limits, endpoints, administration } = binding().services.search!;
  expect(endpoints).toEqual([{ purpose: 'primary', host: '127.0.0.1', port: port() }]);
  expect(tls).toEqual({ caRef: { from: 'file', id: 'tls/ca.pem' } });
  expect(auth).toEqual({ mode: 'password', username: 'admin', secretRef: { from: 'file', id: 'secrets/search' } });
  expect(limits).toEqual({ heapMiB: 256, maxRequestMiB: 100 });
  expect(administration).toEqual({ snapshotRepository: { type: 'fs', settings: { location: 'archive' } }, tiers: 'none' });
});

test('a snapshot can be taken in the repository that the binding names', async () => {
  const repository = binding().services.search!.administration!.snapshotRepository!;
  expect((await ask({ path: '/_snapshot/archive', method: 'PUT', body: repository })).status).toBe(200);
  await ask({ path: '/kept', method: 'PUT' });
  const taken = await ask({ path: '/_snapshot/archive/first?wait_for_completion=true', method: 'PUT', body: { indices: 'kept' } });
  expect(JSON.parse(taken.body)).toMatchObject({ snapshot: { state: 'SUCCESS', indices: ['kept'] } });
  const nodes = await ask({ path: '/_nodes/settings?filter_path=**.path.repo' });
  const [, folder] = /"repo":\["([^"]+)"\]/.exec(nodes.body)!;
  expect(readdirSync(join(folder!, 'archive'))).toContain('index-0');
  await ask({ path: '/_snapshot/archive/first', method: 'DELETE' });
  await ask({ path: '/kept', method: 'DELETE' });
});

test('status shows version, memory within 600 MB and how the cluster is', async () => {
  const { servers } = await trial.look();
  expect(servers).toEqual([expect.objectContaining({ id: 'search', state: 'up', version: '2.19.4', condition: 'green' })]);
  expect(servers[0]!.memoryMiB).toBeLessThan(600);
});

test('an index that asks for replicas is what makes it yellow, and status says why', async () => {
  await ask({ path: '/single', method: 'PUT' });
  await ask({ path: '/copied', method: 'PUT', body: { settings: { number_of_replicas: 1 } } });
  const { servers } = await trial.look();
  expect(servers[0]!.condition).toBe('yellow, 1 unassigned shard');
  await ask({ path: '/copied,single', method: 'DELETE' });
});

test('a wrong password is refused, and so is plain text', async () => {
  expect((await ask({ path: '/_cluster/health' }, 'wrong')).status).toBe(401);
  const plain = new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: port(), path: '/', agent: false }, resolve).on('error', reject);
  });
  await expect(plain).rejects.toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|HPE_)/) });
});

test('a certificate of another server of the environment makes nobody an administrator', async () => {
  const pem = readFileSync(file('tls', 'search.pem'), 'utf8');
  const path = '/_plugins/_security/api/internalusers/intruder';
  const asked = ask({ path, method: 'PUT', body: { password: 'Hard-to-guess-77' }, client: { cert: pem, key: pem } });
  await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/^(ERR_SSL|ECONNRESET|EPIPE)/) });
  expect((await ask({ path })).status).toBe(404);
});

test('a snapshot can be taken below the data folder, and nowhere else', async () => {
  const repository = (location: string) => ask({ path: '/_snapshot/own', method: 'PUT', body: { type: 'fs', settings: { location } } });
  expect((await repository('mine')).status).toBe(200);
  expect((await repository('/tmp')).status).toBe(500);
});

test('a second up changes nothing', async () => {
  const before = trial.processes();
  const { servers } = await trial.start();
  expect(servers.filter(({ started }) => started)).toEqual([]);
  expect(trial.processes()).toEqual(before);
});

test('documents survive down and up', async () => {
  expect((await ask({ path: '/notes/_doc/1', method: 'PUT', body: { text: 'kept' } })).status).toBe(201);
  expect((await trial.stop()).stopped).toEqual(['search']);
  expect(trial.alive()).toEqual([]);
  await trial.start();
  expect(JSON.parse((await ask({ path: '/notes/_doc/1' })).body)).toMatchObject({ found: true, _source: { text: 'kept' } });
}, 180_000);

test('a new password in the file of the secret counts from the next start on', async () => {
  const old = password();
  await trial.stop();
  writeFileSync(file('secrets', 'search'), 'another-one-for-tests');
  await trial.start();
  expect((await ask({ path: '/notes/_doc/1' })).status).toBe(200);
  expect((await ask({ path: '/notes/_doc/1' }, old)).status).toBe(401);
}, 180_000);
