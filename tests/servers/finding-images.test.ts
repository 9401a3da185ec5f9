import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Distribution } from '../../servers/find/distribution.ts';
import { findDockerEngine } from '../../servers/find/docker-engine.ts';
import { findSoftware, type Software } from '../../servers/find/index.ts';
import { javaProgram } from '../../servers/find/tools.ts';
import { runToEnd } from '../../servers/local-process/run.ts';
import { postgresProgram } from '../../servers/postgres/program.ts';
import { rabbitProgram } from '../../servers/rabbitmq/program.ts';
import { redisProgram } from '../../servers/redis/program.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

let folder: TestFolder;

beforeEach(async () => {
  folder = await testFolder('images');
  mkdirSync(at('state'));
});
afterEach(() => folder.remove());

const at = (...path: string[]) => join(folder.path, ...path);
const realPath = process.env.PATH;

function program(path: string, body: string): string {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return at(path);
}

/** A pretended client of Docker. It notes what it is asked, a word a line, and has the images that there are files of. */
function docker({
  host = 'unix:///run/docker.sock',
  info = `${release()} [name=seccomp,profile=default]`,
  version = 'v=7.0.15',
} = {}): void {
  program(
    'bin/docker',
    `PATH='${realPath}'
printf '%s\\n' "$@" --end-- >> '${at('asked')}'
[ "$1" = --host ] && shift 2
case "$1 $2" in
  'context inspect') echo '${host}' ;;
  'info --format') [ -n '${info}' ] && echo '${info}' ;;
  'image inspect') [ -e '${folder.path}'/image-$(printf %s "$5" | tr -c 'a-z0-9.\\n' -) ] ;;
  pull*) [ "$2" != nobody/knows ] && touch '${folder.path}'/image-$(printf %s "$2" | tr -c 'a-z0-9.\\n' -) ;;
  cp*) mkdir -p "$3/libs" && echo jar > "$3/libs/tiny.jar" ;;
  run*) echo "Redis server ${version}" ;;
esac`,
  );
}

const has = (image: string) => writeFileSync(at(`image-${image.replaceAll(/[^a-z0-9.]/g, '-')}`), '');

/** What the client was asked: one list of words a time. */
function asked(...first: readonly string[]): string[][] {
  if (!existsSync(at('asked'))) return [];
  const all = readFileSync(at('asked'), 'utf8').split('\n--end--\n').slice(0, -1);
  const calls = all.map((text) => text.split('\n')).map((words) => (words[0] === '--host' ? words.slice(2) : words));
  return calls.filter((words) => first.every((word, index) => words[index] === word));
}

const redis = { ...redisProgram, folders: [] };

function find(wanted: readonly Software[], env: Record<string, string> = {}, more: { uid?: number; taken?: string[] } = {}) {
  mkdirSync(at('bin'), { recursive: true });
  return findSoftware(wanted, {
    env: { PATH: at('bin'), MILLRACE_CACHE_DIR: at('cache'), ...env },
    ...{ cwd: folder.path, installLog: at('install.log'), policyFile: at('policy-rc.d'), uid: more.uid ?? 1000 },
    containers: { programs: at('state/programs'), state: at('state') },
    onInstall: () => {},
    onFetch: () => {},
    onImage: ({ title, image }) => void more.taken?.push(`${title} from ${image}`),
  });
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.catch((reason: unknown) => reason);
  if (!isMillraceError(error, 'SERVER_NOT_FOUND')) throw new Error(`expected SERVER_NOT_FOUND, got ${String(error)}`);
  return error.message;
}

describe('a program is run by Docker', () => {
  test('when it is nowhere on this machine, and the engine has its image', async () => {
    docker();
    has('millrace/redis:7.0');
    const taken: string[] = [];
    const found = await find([redis], {}, { taken });
    expect(found.get(redis)).toEqual({ path: at('state/programs/redis-server/redis-server'), version: '7.0.15' });
    expect(taken).toEqual(['Redis 7 or Valkey from millrace/redis:7.0']);
  });

  test('not when it is on PATH: then Docker is not even asked', async () => {
    docker();
    has('millrace/redis:7.0');
    const path = program('bin/redis-server', 'echo v=7.2.1');
    expect((await find([redis])).get(redis)).toEqual({ path, version: '7.2.1' });
    expect(asked()).toEqual([]);
  });

  test('when its variable names an image, though it is on PATH; the image is pulled once', async () => {
    docker();
    program('bin/redis-server', 'echo v=7.2.1');
    const other = { ...redis, title: 'another program of the image' };
    const found = await find([redis, other], { MILLRACE_REDIS_SERVER: 'docker:registry.example/redis:7.4' });
    expect(found.get(redis)?.path).toBe(at('state/programs/redis-server/redis-server'));
    expect(asked('pull')).toEqual([['pull', 'registry.example/redis:7.4']]);
  });

  test('when apt-get could not install it', async () => {
    docker();
    has('millrace/redis:7.0');
    program('bin/apt-get', 'echo "E: no network"; exit 100');
    expect((await find([redis], {}, { uid: 0 })).get(redis)?.version).toBe('7.0.15');
  });

  test('as a folder with a script for each of its names', async () => {
    docker({ version: '(PostgreSQL) 15.18' });
    has('millrace/postgres:15');
    const postgres = { ...postgresProgram, folders: [] };
    const { path, version } = (await find([postgres])).get(postgres)!;
    expect(version).toBe('15.18');
    for (const name of postgres.names) expect(existsSync(join(path, name))).toBe(true);
  });

  test('with the version of its tag, where it had better not be asked', async () => {
    docker();
    has('millrace/rabbitmq:3.10');
    const rabbit = { ...rabbitProgram, folders: [] };
    expect((await find([rabbit])).get(rabbit)?.version).toBe('3.10');
    expect(asked('run')).toEqual([]);
  });
});

describe('the way out is named', () => {
  const install =
    'redis-server or valkey-server not found on PATH; install Redis 7 or Valkey (Debian and Ubuntu: apt-get install redis-server), ' +
    'set MILLRACE_REDIS_SERVER to its program, or have Docker run it, for which';

  test('where there is no docker', async () => {
    expect(await refusal(find([redis]))).toBe(`${install} docker must be on PATH`);
  });

  test.each([
    ['does not answer', { info: '' }, 'a Docker engine must answer at unix:///run/docker.sock'],
    ['is on another machine', { host: 'tcp://10.0.0.9:2376' }, 'the Docker engine must be on this machine, got tcp://10.0.0.9:2376'],
    ['is in a virtual machine', { info: '6.6.0-linuxkit []' }, `the Docker engine must run on this kernel, got one on 6.6.0-linuxkit at`],
    ['has a network of its own', { info: `${release()} [name=seccomp name=rootless]` }, 'the Docker engine must not be rootless'],
  ])('where the engine %s', async (_, answers, way) => {
    docker(answers);
    has('millrace/redis:7.0');
    expect(await refusal(find([redis]))).toContain(`${install} ${way}`);
  });

  test('where the engine has no such image: what nobody named is not pulled', async () => {
    docker();
    expect(await refusal(find([redis]))).toBe(
      `${install} the Docker engine must have the image millrace/redis:7.0, which \`make images\` builds`,
    );
    expect(asked('pull')).toEqual([]);
  });

  test('where this is not Linux', async () => {
    docker();
    expect(await findDockerEngine({ PATH: at('bin') }, 'darwin')).toEqual({
      lacking: 'this must be Linux, where containers share the network of the machine',
    });
  });

  test('where neither apt-get nor Docker could help', async () => {
    program('bin/apt-get', 'echo "E: no network"; exit 100');
    expect(await refusal(find([redis], {}, { uid: 0 }))).toMatch(
      /^redis-server could not be installed: .*E: no network\nor have Docker run it, for which docker must be on PATH$/s,
    );
  });

  test('where a variable names an image, and there is no engine or no such image', async () => {
    const env = { MILLRACE_REDIS_SERVER: 'docker:nobody/knows' };
    expect(await refusal(find([redis], env))).toBe('MILLRACE_REDIS_SERVER names the image nobody/knows, for which docker must be on PATH');
    docker();
    expect(await refusal(find([redis], env))).toMatch(/^image nobody\/knows could not be pulled: docker ended with exit code 1/);
  });

  test('where the program of an image has a version that will not do', async () => {
    docker({ version: 'openjdk 25.0.1' });
    expect(await refusal(find([{ ...javaProgram, folders: [] }], { MILLRACE_JAVA: 'docker:java:25' }))).toBe(
      'Java 17 to 23 is needed, got 25.0.1 (image java:25); set MILLRACE_JAVA to another',
    );
  });
});

describe('the script that stands for a program', () => {
  async function launched(more: { owner?: { uid: number; gid: number }; env?: Record<string, string>; cwd?: string } = {}) {
    docker();
    has('millrace/redis:7.0');
    const { path } = (await find([redis])).get(redis)!;
    const [name, logFile] = ['cache', at('log')];
    const end = await runToEnd({ name, program: path, args: ['--port', '7000', 'a word'], cwd: at('state'), logFile, ...more });
    expect(end).toEqual({ code: 0, signal: null });
    return asked('run').at(-1)!;
  }
  const valuesOf = (words: readonly string[], option: string) =>
    words.flatMap((word, index) => (word === option ? [words[index + 1]] : []));

  test('hands on arguments, folder and network, and gives it the folder of the environment', async () => {
    const words = await launched();
    expect(words.slice(-4)).toEqual(['sh', '--port', '7000', 'a word']);
    expect(valuesOf(words, '--workdir')).toEqual([at('state')]);
    for (const option of ['--network', '--pid', '--ipc']) expect(valuesOf(words, option)).toEqual(['host']);
    expect(valuesOf(words, '--mount')).toContain(`type=bind,"source=${at('state')}","target=${at('state')}"`);
    expect(valuesOf(words, '--user')).toEqual([`${process.getuid?.()}:${process.getgid?.()}`]);
    expect(existsSync(at('state/programs/redis-server', `${process.pid}.id`))).toBe(false);
  });

  test('gives it the folder that it is started in, where that lies elsewhere', async () => {
    mkdirSync(at('elsewhere'));
    expect(valuesOf(await launched({ cwd: at('elsewhere') }), '--mount')).toContain(
      `type=bind,"source=${at('elsewhere')}","target=${at('elsewhere')}"`,
    );
  });

  test('hands on variables by their names, so that no list of processes shows a value', async () => {
    const words = await launched({ env: { RABBITMQ_NODENAME: 'a-value', HOME: '/another-value', PATH: realPath! } });
    expect(valuesOf(words, '--env').sort()).toEqual(['HOME', 'LC_ALL', 'RABBITMQ_NODENAME', 'TZ']);
    expect(words.join()).not.toContain('-value');
  });

  test('runs it as the owner of the server, itself as the one who starts it', async () => {
    expect(valuesOf(await launched({ owner: { uid: 65_534, gid: 65_533 } }), '--user')).toEqual(['65534:65533']);
    expect(readFileSync(at('state/programs/redis-server/passwd-65534'), 'utf8')).toContain('server:x:65534:65533:');
  });
});

describe('a distribution', () => {
  const tiny: Distribution = {
    ...{ kind: 'maven', title: 'Tiny 1', version: '1', folder: 'tiny-1', variable: 'MILLRACE_TINY_HOME', entry: 'libs/tiny.jar' },
    image: { name: 'millrace/tiny:1', folder: '/opt/tiny' },
    parts: {},
  };

  test('is copied from its image where there is no Maven', async () => {
    docker();
    has('millrace/tiny:1');
    expect([...(await find([tiny])).values()]).toContainEqual({ path: at('cache/tiny-1'), version: '1' });
    expect(readFileSync(at('cache/tiny-1/libs/tiny.jar'), 'utf8')).toBe('jar\n');
    const [[, , , , container] = []] = asked('create');
    expect(asked('rm')).toEqual([['rm', '--volumes', container]]);
  });

  test('is asked for with all ways out where there is no image either', async () => {
    docker();
    expect(await refusal(find([tiny]))).toMatch(
      /not found on PATH; install .*\nor have Tiny 1 copied from an image, for which the Docker engine must have the image millrace\/tiny:1/,
    );
  });
});
