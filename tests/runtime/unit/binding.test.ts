import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBinding, type SecretResolvers, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { parseTopology, readTopology } from '../../../runtime/src/topology/index.ts';

const cache: BoundService = {
  kind: 'redis',
  role: 'cache',
  endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 6379 }],
  auth: { mode: 'password', secretRef: { from: 'env', id: 'CACHE_PASSWORD' } },
};
const database: BoundService = {
  kind: 'postgres',
  role: 'database',
  endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 5432 }],
  database: 'orders',
  auth: { mode: 'password', username: 'orders', secretRef: { from: 'env', id: 'DATABASE_PASSWORD' } },
};
const document = { ...wrap({ cache, database }, { environment: 'test' }).document };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-binding-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function refused(work: Promise<unknown> | (() => unknown)): Promise<MillraceError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (isMillraceError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

async function written(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('loadBinding', () => {
  test('takes the first of options.json, options.file, MILLRACE_BINDING_JSON and MILLRACE_BINDING', async () => {
    const named = (environment: string): string => JSON.stringify({ ...document, environment });
    const file = await written('option.json', named('from file'));
    const env = { MILLRACE_BINDING_JSON: named('from text'), MILLRACE_BINDING: await written('variable.json', named('from path')) };
    const environments = await Promise.all([
      loadBinding({ json: named('from json'), file, env }),
      loadBinding({ file, env }),
      loadBinding({ env }),
      loadBinding({ env: { MILLRACE_BINDING: env.MILLRACE_BINDING } }),
      loadBinding({ json: { ...document, environment: 'from object' }, env: {} }),
    ]);
    expect(environments.map((binding) => binding.document.environment)).toEqual([
      'from json',
      'from file',
      'from text',
      'from path',
      'from object',
    ]);
  });

  test('says what to set when there is none', async () => {
    const error = await refused(loadBinding({ env: {} }));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message).toMatch(/set MILLRACE_BINDING \(.*\) or MILLRACE_BINDING_JSON/);
  });

  test('fails if the file cannot be read, naming it and what named it', async () => {
    const error = await refused(loadBinding({ env: { MILLRACE_BINDING: join(folder, 'absent.json') } }));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message).toContain(join(folder, 'absent.json'));
    expect(error.message).toContain('MILLRACE_BINDING');
    expect(error.message).toContain('ENOENT');
  });

  test('fails if the text is not JSON, without quoting it', async () => {
    const error = await refused(loadBinding({ json: 'hunter2{' }));
    expect(error).toMatchObject({ code: 'BINDING_INVALID', message: 'binding from options.json is not JSON (8 characters)' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2{');
  });

  test('notices a path where the document belongs', async () => {
    const error = await refused(loadBinding({ env: { MILLRACE_BINDING_JSON: '/etc/binding.json' } }));
    expect(error.message).toContain('belongs into MILLRACE_BINDING');
  });

  test('lists all problems at once, each with path, value got and the change to make', async () => {
    const json = {
      ...document,
      schema: 'millrace.binding/2',
      services: { cache: { ...cache, kind: 'rediss', endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 70_000 }], tsl: {} } },
    };
    const error = await refused(loadBinding({ json }));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message.split('\n')).toEqual([
      'binding from options.json has 4 problems:',
      expect.stringMatching(/ {2}schema: must be millrace\.binding\/1, got "millrace\.binding\/2"/),
      expect.stringMatching(/ {2}services\.cache\.kind: .*got "rediss".*did you mean redis\?/),
      expect.stringMatching(/ {2}services\.cache\.endpoints\.0\.port: .*65535.*got 70000/),
      expect.stringMatching(/ {2}services\.cache\.tsl: unknown key, did you mean tls\?/),
    ]);
  });

  test.each([null, [], 'text', 7])('fails if the document is %p', async (json) => {
    expect((await refused(loadBinding({ json: JSON.stringify(json) }))).code).toBe('BINDING_INVALID');
  });
});

describe('service()', () => {
  const binding = wrap({ cache, database }, { environment: 'test' });

  test('gives the service of that name', () => {
    expect(binding.names).toEqual(['cache', 'database']);
    expect(binding.service('cache')).toMatchObject({ name: 'cache', service: cache });
    expect(binding.service('cache', 'redis-sentinel', 'redis').service).toEqual(cache);
  });

  test('fails if the name is missing, with the right names and the nearest one', async () => {
    const error = await refused(() => binding.service('databse'));
    expect(error.code).toBe('BINDING_NAME_UNKNOWN');
    expect(error.message).toBe(
      'binding of test has no service "databse", did you mean database? services are cache (redis), database (postgres)',
    );
  });

  test.each(['constructor', '__proto__', ''])('fails if the name is %p', async (name) => {
    expect((await refused(() => binding.service(name))).code).toBe('BINDING_NAME_UNKNOWN');
  });

  test('fails if the service is of another kind, with the names that fit', async () => {
    const error = await refused(() => binding.service('cache', 'postgres'));
    expect(error.code).toBe('BINDING_NAME_UNKNOWN');
    expect(error.message).toBe('service cache of test is of kind redis, not postgres; services of kind postgres are database (postgres)');
    expect((await refused(() => binding.service('cache', 'kafka'))).message).toContain('services of kind kafka are none');
  });
});

describe('secret()', () => {
  const handle = (env: Record<string, string>, options = {}) => wrap({ cache }, { env, baseDir: folder, ...options }).service('cache');

  test('reads a variable at every use', async () => {
    const env: Record<string, string> = { CACHE_PASSWORD: 'first' };
    const service = handle(env);
    expect(await service.secret({ from: 'env', id: 'CACHE_PASSWORD' })).toBe('first');
    env.CACHE_PASSWORD = 'rotated';
    expect(await service.secret({ from: 'env', id: 'CACHE_PASSWORD' })).toBe('rotated');
  });

  test('reads a file relative to the binding file, without its last line break', async () => {
    await mkdir(join(folder, 'secrets'), { recursive: true });
    await written('secrets/cache', 'two\nlines\n');
    const file = await written('binding.json', JSON.stringify(document));
    const binding = await loadBinding({ file, env: {} });
    expect(await binding.service('cache').secret({ from: 'file', id: 'secrets/cache' })).toBe('two\nlines');
  });

  test('takes one key of a JSON secret', async () => {
    const service = handle({ ALL: '{"user":"orders","password":"s","port":5432}' });
    expect(await service.secret({ from: 'env', id: 'ALL', jsonKey: 'password' })).toBe('s');
    expect(await service.secret({ from: 'env', id: 'ALL', jsonKey: 'port' })).toBe('5432');
  });

  test.each([
    ['the variable is not set', { from: 'env', id: 'ABSENT' }, /environment variable ABSENT is not set/],
    ['the variable is empty', { from: 'env', id: 'EMPTY' }, /environment variable EMPTY is empty/],
    ['the file is absent', { from: 'file', id: 'absent' }, /secret file .*absent cannot be read \(ENOENT\)/],
    ['the secret is no JSON', { from: 'env', id: 'PLAIN', jsonKey: 'password' }, /is not a JSON object, but jsonKey asks for password/],
    ['the key is missing', { from: 'env', id: 'ALL', jsonKey: 'passwort' }, /no text under passwort; its keys are user, password/],
    ['the key is inherited', { from: 'env', id: 'ALL', jsonKey: 'toString' }, /no text under toString/],
  ] as const)('fails if %s, without telling the secret', async (_, ref, sentence) => {
    const error = await refused(handle({ EMPTY: '', PLAIN: 'hunter2', ALL: '{"user":"u","password":"hunter2"}' }).secret(ref));
    expect(error.code).toBe('SECRET_UNAVAILABLE');
    expect(error.message).toMatch(sentence);
    expect(`${error.message} ${String(error.cause)}`).not.toContain('hunter2');
  });

  test('asks a resolver of the caller, and applies jsonKey to what it gives', async () => {
    const secrets = { 'aws-secrets-manager': async ({ id }: { id: string }) => `{"password":"of ${id}"}` };
    const service = handle({}, { secrets });
    expect(await service.secret({ from: 'aws-secrets-manager', id: 'arn:x', jsonKey: 'password' })).toBe('of arn:x');
  });

  test('tells a resolver of the caller when what it gave was refused', async () => {
    const secrets: SecretResolvers = { env: async (_, { fresh = false } = {}) => (fresh ? 'second' : 'first') };
    const service = handle({}, { secrets });
    expect(await service.secret({ from: 'env', id: 'PASSWORD' })).toBe('first');
    expect(await service.secret({ from: 'env', id: 'PASSWORD' }, { fresh: true })).toBe('second');
  });
});

describe('readTopology()', () => {
  const input = { topics: { orders: { transports: [{ kind: 'redis-streams' as const, service: 'events' }] } } };
  const text = canonicalJson({ schema: 'millrace.topology/1', ...input });
  const hash = createHash('sha256').update(text).digest('hex');
  const bound = async (topology: object): Promise<string> => written('with-topology.json', JSON.stringify({ ...document, topology }));

  test('is read relative to the binding file, compared with its hash and given every default', async () => {
    await written('topology.json', text);
    const binding = await loadBinding({ file: await bound({ hash, location: 'topology.json' }), env: {} });
    expect((await readTopology(binding)).topics.orders).toMatchObject({ shards: 1, maxBytes: 262_144, ordered: true });
  });

  test('fails if the binding names none', async () => {
    expect((await refused(readTopology(wrap({ cache })))).message).toContain('names no topology');
  });

  test('fails if the file differs from the hash in the binding', async () => {
    await written('topology.json', `${text} `);
    const binding = await loadBinding({ file: await bound({ hash, location: 'topology.json' }), env: {} });
    const error = await refused(readTopology(binding));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message).toContain(`the binding means ${hash}`);
  });

  test.each([
    ['absent.json', /absent\.json cannot be read \(ENOENT\)/],
    ['https://example.com/topology.json', /must be at s3:\/\/BUCKET\/KEY, got https:\/\/example\.com/],
    ['s3://bucket', /must be at s3:\/\/BUCKET\/KEY, got s3:\/\/bucket/],
  ])('fails if it lies at %s', async (location, sentence) => {
    const binding = await loadBinding({ file: await bound({ hash, location }), env: {} });
    expect((await refused(readTopology(binding))).message).toMatch(sentence);
  });

  test('fails if it does not fit the schema, with all problems', async () => {
    const error = await refused(() => parseTopology({ topics: { orders: { transports: [], shards: 0 } } }, 'here'));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message).toContain('2 problems');
  });
});

describe('wrap()', () => {
  test('gives equal content an equal generation', () => {
    expect(wrap({ cache, database }).document.generation).toBe(wrap({ database, cache }).document.generation);
    expect(wrap({ cache }).document.generation).not.toBe(wrap({ database }).document.generation);
  });

  test('checks services as loadBinding does', async () => {
    const error = await refused(() => wrap({ Cache: cache }));
    expect(error.code).toBe('BINDING_INVALID');
    expect((await refused(() => wrap({ cache: { ...cache, auth: { mode: 'password', password: 'x' } as never } }))).code).toBe(
      'BINDING_HOLDS_SECRET',
    );
  });
});
