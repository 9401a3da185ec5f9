import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMillraceError, type MillraceError } from '../../runtime/src/contracts/errors.ts';
import { cacheFolder, type Distribution, type FetchProgress } from '../../servers/find/distribution.ts';
import { findSoftware } from '../../servers/find/index.ts';
import { launch } from '../../servers/local-process/launch.ts';
import { eventually } from '../support/eventually.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

let folder: TestFolder;

beforeEach(async () => {
  folder = await testFolder('distribution');
});
afterEach(() => folder.remove());

const at = (...path: string[]) => join(folder.path, ...path);

/** Two jars of a few kilobytes. */
const tiny: Distribution = {
  ...{ kind: 'maven', title: 'Tiny 1.7.36', version: '1.7.36', folder: 'tiny-1.7.36' },
  variable: 'MILLRACE_TINY_HOME',
  entry: 'libs/slf4j-simple-1.7.36.jar',
  parts: {
    libs: [{ group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' }],
    'plugins/alone': [{ group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36', alone: true }],
  },
};

/** A pretended Maven: notes that it was called, then does what `body` says, in the folder of the draft. */
function maven(body: string): string {
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo 'Apache Maven 3.8.7'; exit; fi\necho called >> '${at('calls')}'\n${body}\n`;
  writeFileSync(at('mvn'), script, { mode: 0o755 });
  return at('mvn');
}

const putJar = 'echo jar > home/libs/slf4j-simple-1.7.36.jar';
const calls = () => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n').length : 0);
const cached = () => (existsSync(at('cache')) ? readdirSync(at('cache')) : []);

function find(env: Record<string, string>, more: { distribution?: Distribution; signal?: AbortSignal; progress?: FetchProgress[] } = {}) {
  const { distribution = tiny, signal, progress = [] } = more;
  return findSoftware([distribution], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MILLRACE_CACHE_DIR: at('cache'), ...env },
    ...{ cwd: folder.path, installLog: at('install.log'), uid: 1000, signal },
    onInstall: () => undefined,
    onFetch: (step) => void progress.push(step),
  });
}

async function refusal(attempt: Promise<unknown>): Promise<MillraceError> {
  const error = await attempt.catch((reason: unknown) => reason);
  if (!isMillraceError(error, 'SERVER_NOT_FOUND')) throw new Error(`expected SERVER_NOT_FOUND, got ${String(error)}`);
  return error;
}

test('a folder that its variable names is taken as it is, and nothing is fetched', async () => {
  mkdirSync(at('mine', 'libs'), { recursive: true });
  writeFileSync(at('mine', tiny.entry), '');
  const found = await find({ MILLRACE_TINY_HOME: at('mine'), MILLRACE_MAVEN: maven('exit 1') });
  expect(found.get(tiny)).toEqual({ path: at('mine'), version: '1.7.36' });
  expect(calls()).toBe(0);
});

test('a folder that its variable names and that holds something else is refused', async () => {
  const { message } = await refusal(find({ MILLRACE_TINY_HOME: folder.path, MILLRACE_MAVEN: maven(putJar) }));
  expect(message).toBe(`MILLRACE_TINY_HOME must name a folder of Tiny 1.7.36 with ${tiny.entry} in it, got "${folder.path}"`);
  expect(calls()).toBe(0);
});

test('Maven brings artifacts with what they need, or alone, where the parts say', async () => {
  const progress: FetchProgress[] = [];
  const found = await find({}, { progress });
  expect(found.get(tiny)).toEqual({ path: at('cache', 'tiny-1.7.36'), version: '1.7.36' });
  expect(readdirSync(at('cache', 'tiny-1.7.36', 'libs')).sort()).toEqual(['slf4j-api-1.7.36.jar', 'slf4j-simple-1.7.36.jar']);
  expect(readdirSync(at('cache', 'tiny-1.7.36', 'plugins', 'alone'))).toEqual(['slf4j-simple-1.7.36.jar']);
  expect(cached()).toEqual(['tiny-1.7.36']);
  expect(progress[0]).toMatchObject({ title: 'Tiny 1.7.36', megabytes: 0, done: false });
  expect(progress.at(-1)).toMatchObject({ title: 'Tiny 1.7.36', megabytes: expect.any(Number), done: true });
}, 180_000);

test('what is in the cache is not fetched again', async () => {
  const env = { MILLRACE_MAVEN: maven(putJar) };
  await find(env);
  const progress: FetchProgress[] = [];
  expect((await find(env, { progress })).get(tiny)?.path).toBe(at('cache', 'tiny-1.7.36'));
  expect([calls(), progress]).toEqual([1, []]);
});

test('an assembly that fails leaves nothing that would be taken for a distribution', async () => {
  const assemble = () => Promise.reject(new Error('cannot be put together'));
  const attempt = find({ MILLRACE_MAVEN: maven(putJar) }, { distribution: { ...tiny, assemble } });
  await expect(attempt).rejects.toThrow('cannot be put together');
  expect(cached()).toEqual([]);
});

test('an interrupted fetch ends Maven and leaves nothing', async () => {
  const controller = new AbortController();
  const attempt = find({ MILLRACE_MAVEN: maven(`${putJar}; echo $$ > '${at('pid')}'; sleep 60`) }, { signal: controller.signal });
  const refused = expect(attempt).rejects.toThrow('enough');
  await eventually(() => existsSync(at('pid')) && readFileSync(at('pid'), 'utf8') !== '', { what: 'Maven runs' });
  controller.abort(new Error('enough'));
  await refused;
  expect(cached()).toEqual([]);
  await eventually(() => !isRunning(Number(readFileSync(at('pid'), 'utf8'))), { what: 'Maven has ended' });
});

test('what a killed fetch left is removed by a later one, that of a running one is not', async () => {
  for (const [name, ageMs] of [
    ['tiny-1.7.36.new-killed', 7_200_000],
    ['tiny-1.7.36.new-running', 60_000],
    ['other-1.0.new-killed', 7_200_000],
  ] as const) {
    mkdirSync(at('cache', name, 'home'), { recursive: true });
    const then = new Date(Date.now() - ageMs);
    utimesSync(at('cache', name), then, then);
  }
  await find({ MILLRACE_MAVEN: maven(putJar) });
  expect(cached().sort()).toEqual(['other-1.0.new-killed', 'tiny-1.7.36', 'tiny-1.7.36.new-running']);
});

test('a folder of the cache from which something was removed is fetched again', async () => {
  mkdirSync(at('cache', 'tiny-1.7.36', 'libs'), { recursive: true });
  await find({ MILLRACE_MAVEN: maven(putJar) });
  expect([calls(), existsSync(at('cache', 'tiny-1.7.36', tiny.entry))]).toEqual([1, true]);
});

test('a process that a killed fetch has started is ended before its folder is removed', async () => {
  const draft = at('cache', 'tiny-1.7.36.new-killed');
  const assemble: Distribution['assemble'] = async (_, { onLaunched }) => {
    const spec = { name: 'sleeper', program: '/bin/sleep', args: ['60'], cwd: folder.path, logFile: at('log') };
    const launched = await launch(spec, onLaunched);
    renameSync(at('cache', cached().find((name) => name.includes('.new-'))!), draft);
    writeFileSync(at('pid'), String(launched.pid));
    throw new Error('killed');
  };
  await expect(find({ MILLRACE_MAVEN: maven(putJar) }, { distribution: { ...tiny, assemble } })).rejects.toThrow('killed');
  const pid = Number(readFileSync(at('pid'), 'utf8'));
  expect(isRunning(pid)).toBe(true);
  const longAgo = new Date(Date.now() - 7_200_000);
  utimesSync(draft, longAgo, longAgo);
  await find({ MILLRACE_MAVEN: maven(putJar) });
  await eventually(() => !isRunning(pid), { what: 'the process has ended' });
  expect(cached()).toEqual(['tiny-1.7.36']);
});

test('two that fetch at once both find it, and one copy stays', async () => {
  // Neither is done before the other has begun.
  const both = `${putJar}; until [ "$(wc -l < '${at('calls')}')" -ge 2 ]; do sleep 0.02; done`;
  const env = { MILLRACE_MAVEN: maven(both) };
  const found = await Promise.all([find(env), find(env)]);
  expect(found.map((software) => software.get(tiny)?.path)).toEqual([at('cache', 'tiny-1.7.36'), at('cache', 'tiny-1.7.36')]);
  expect(cached()).toEqual(['tiny-1.7.36']);
  expect(readdirSync(at('cache', 'tiny-1.7.36', 'libs'))).toEqual(['slf4j-simple-1.7.36.jar']);
});

test('when Maven fails the message has the way out and its last lines, and nothing is left', async () => {
  const { message } = await refusal(find({ MILLRACE_MAVEN: maven("echo '[ERROR] Could not transfer artifact'; exit 1") }));
  expect(message).toContain('Tiny 1.7.36 could not be fetched: Maven ended with exit code 1; set MILLRACE_TINY_HOME to a folder with it');
  expect(message).toContain(`${at('install.log')} says last:\n    [ERROR] Could not transfer artifact`);
  expect(cached()).toEqual([]);
});

test('other users can read what was fetched, and only its owner can write', async () => {
  await find({ MILLRACE_MAVEN: maven(`umask 077; mkdir home/libs/sub; echo x > home/libs/sub/file; ${putJar}`) });
  const modeOf = (...path: string[]) => statSync(at('cache', 'tiny-1.7.36', ...path)).mode & 0o777;
  expect([modeOf(), modeOf('libs', 'sub'), modeOf('libs', 'sub', 'file')]).toEqual([0o755, 0o755, 0o644]);
});

test('the cache is where its variable says, else a folder of the user, or of all when the user is root', () => {
  expect(cacheFolder({ MILLRACE_CACHE_DIR: '/cache', HOME: '/home/me' }, 1000)).toBe('/cache');
  expect(cacheFolder({ HOME: '/users/me' }, 1000)).toBe('/users/me/.cache/millrace');
  expect(cacheFolder({ HOME: '/home/me', XDG_CACHE_HOME: '/xdg' }, 1000)).toBe('/xdg/millrace');
  expect(cacheFolder({ HOME: '/root' }, 0)).toBe('/var/cache/millrace');
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
