import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMillraceError, type MillraceError } from '../../runtime/src/contracts/errors.ts';
import { findSoftware } from '../../servers/find/index.ts';
import { withoutDaemonStarts } from '../../servers/find/policy.ts';
import { findProgram, type Program } from '../../servers/find/program.ts';
import { postgresProgram } from '../../servers/postgres/program.ts';
import { redisProgram } from '../../servers/redis/program.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

let folder: TestFolder;

beforeEach(async () => {
  folder = await testFolder('finding');
});
afterEach(() => folder.remove());

const at = (...path: string[]) => join(folder.path, ...path);

/** An executable file with a shell script. */
function program(path: string, body = 'echo "v=1.2.3"'): string {
  mkdirSync(join(folder.path, path, '..'), { recursive: true });
  writeFileSync(at(path), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return at(path);
}

const single: Program = { ...redisProgram, folders: [] };

async function refusal(attempt: Promise<unknown>): Promise<MillraceError> {
  const error = await attempt.catch((reason: unknown) => reason);
  if (!isMillraceError(error, 'SERVER_NOT_FOUND')) throw new Error(`expected SERVER_NOT_FOUND, got ${String(error)}`);
  return error;
}

describe('a program is looked for', () => {
  test('first by its environment variable, then on PATH, then in the usual folders', () => {
    const [named, onPath, usual] = [program('named/any-name'), program('path/redis-server'), program('usual/redis-server')];
    const wanted = { ...single, folders: [at('usual')] };
    const env = { MILLRACE_REDIS_SERVER: named, PATH: at('path') };
    expect(findProgram(wanted, env)).toBe(named);
    expect(findProgram(wanted, { ...env, MILLRACE_REDIS_SERVER: '' })).toBe(onPath);
    expect(findProgram(wanted, { PATH: at('elsewhere') })).toBe(usual);
    expect(findProgram({ ...wanted, folders: [] }, {})).toBeUndefined();
  });

  test('under any of its names', () => {
    expect(findProgram(single, { PATH: join(program('path/valkey-server'), '..') })).toBe(at('path', 'valkey-server'));
  });

  test('in the folder of the highest version, when it is one of several programs', () => {
    for (const version of ['9', '15', '14']) for (const name of ['postgres', 'initdb']) program(`lib/${version}/bin/${name}`);
    program('lib/16/bin/postgres');
    expect(findProgram({ ...postgresProgram, folders: [at('lib/*/bin')] }, { PATH: '' })).toBe(at('lib/15/bin'));
  });

  test('where links on PATH lead to', () => {
    for (const name of ['postgres', 'initdb']) {
      program(`real/${name}`);
      mkdirSync(at('path'), { recursive: true });
      symlinkSync(at('real', name), at('path', name));
    }
    expect(findProgram(postgresProgram, { PATH: at('path') })).toBe(at('real'));
  });

  test('nowhere else when its variable names something that is no program', () => {
    expect(() => findProgram(single, { MILLRACE_REDIS_SERVER: at('missing'), PATH: join(program('path/redis-server'), '..') })).toThrow(
      `MILLRACE_REDIS_SERVER must name a program, got "${at('missing')}"`,
    );
    expect(() => findProgram(postgresProgram, { MILLRACE_POSTGRES_BIN: folder.path })).toThrow('a folder with postgres and initdb');
  });
});

/** Options that keep the search within the test's folder. */
function within(options: { path?: string; uid?: number; onInstall?: (packages: readonly string[]) => void; signal?: AbortSignal } = {}) {
  const { path = 'bin', uid = 0, onInstall = () => {}, signal } = options;
  return {
    onFetch: () => {},
    ...{ env: { PATH: at(path) }, cwd: folder.path, installLog: at('apt.log'), policyFile: at('policy-rc.d') },
    ...{ uid, onInstall, signal },
  };
}

describe('a program that is missing', () => {
  test('is asked for in one sentence when this user cannot install it', async () => {
    program('bin/apt-get');
    const error = await refusal(findSoftware([{ ...postgresProgram, folders: [] }], within({ uid: 1000 })));
    expect(error.message).toBe(
      'postgres and initdb not found on PATH; install PostgreSQL 14 or later (Debian and Ubuntu: apt-get install postgresql) or set MILLRACE_POSTGRES_BIN to its folder of programs',
    );
    expect(existsSync(at('apt.log'))).toBe(false);
  });

  test('is asked for when there is no apt-get', async () => {
    await refusal(findSoftware([single], within()));
  });

  test('is refused when it does not run', async () => {
    program('bin/redis-server', 'exit 127');
    expect((await refusal(findSoftware([single], within()))).message).toContain(`${at('bin/redis-server')} does not run`);
  });
});

describe('a program that root installs with apt-get', () => {
  /** Does what Debian's tools do: a package starts its daemon unless policy-rc.d forbids it with 101. */
  const aptGet = (install: string) => `
case "$*" in
  update|*--download-only*) echo "apt-get $*" ;;
  *)
    echo "apt-get $*"
    if [ -x '${at('policy-rc.d')}' ]; then '${at('policy-rc.d')}' redis-server start; code=$?; else code=0; fi
    [ "$code" = 101 ] || echo started > '${at('daemon-was-started')}'
    ${install} ;;
esac`;
  const putRedis = () =>
    `printf '#!/bin/sh\\necho "Redis server v=7.0.15 sha=0"\\n' > '${at('bin/redis-server')}'; chmod 755 '${at('bin/redis-server')}'`;
  const realPath = process.env.PATH;
  /** The pretended apt-get needs the tools of the system, which the search for programs must not see. */
  const withTools = (body: string) => `PATH='${realPath}'\n${body}`;

  test('is announced before, and no daemon is started', async () => {
    program('bin/apt-get', withTools(aptGet(putRedis())));
    const announced: { packages: readonly string[]; logExisted: boolean }[] = [];
    const onInstall = (packages: readonly string[]) => void announced.push({ packages, logExisted: existsSync(at('apt.log')) });
    const found = await findSoftware([single, single], within({ onInstall }));
    expect(announced).toEqual([{ packages: ['redis-server'], logExisted: false }]);
    expect([...found.values()]).toEqual([{ path: at('bin/redis-server'), version: '7.0.15' }]);
    expect(existsSync(at('daemon-was-started'))).toBe(false);
    expect(existsSync(at('policy-rc.d'))).toBe(false);
    expect(readFileSync(at('apt.log'), 'utf8')).toBe(
      [
        'apt-get update',
        'apt-get install --download-only --yes --no-install-recommends redis-server',
        'apt-get install --yes --no-install-recommends redis-server\n',
      ].join('\n'),
    );
  });

  test.each([
    ['succeeds', putRedis],
    ['fails', () => 'echo "E: Unable to locate package"; exit 100'],
  ])('leaves a policy that was there before as it was when apt-get %s', async (outcome, install) => {
    program('policy-rc.d', 'exit 42');
    const before = { text: readFileSync(at('policy-rc.d'), 'utf8'), mode: statSync(at('policy-rc.d')).mode };
    program('bin/apt-get', withTools(aptGet(install())));
    const attempt = findSoftware([single], within());
    if (outcome === 'fails')
      expect((await refusal(attempt)).message).toMatch(
        /redis-server could not be installed: .*exit code 100.*\n {4}.*\n.*E: Unable to locate/s,
      );
    else await attempt;
    expect({ text: readFileSync(at('policy-rc.d'), 'utf8'), mode: statSync(at('policy-rc.d')).mode }).toEqual(before);
    expect(existsSync(at('daemon-was-started'))).toBe(false);
  });

  test('takes away the policy that a killed installation left', async () => {
    program('policy-rc.d', 'exit 42');
    program('bin/apt-get', withTools(aptGet(putRedis())));
    const original = readFileSync(at('policy-rc.d'), 'utf8');
    writeFileSync(at('policy-rc.d.before-millrace'), original, { mode: 0o755 });
    program('policy-rc.d', '# written by millrace for the time of one installation\nexit 101');
    await findSoftware([single], within());
    expect(readFileSync(at('policy-rc.d'), 'utf8')).toBe(original);
  });

  test('takes turns with another installation, so that neither allows the daemons of the other nor removes the policy of the machine', async () => {
    const policy = program('policy-rc.d', 'exit 42');
    const original = readFileSync(policy, 'utf8');
    const forbidden: boolean[] = [];
    const install = (pauseMs: number) => async () => {
      await delay(pauseMs);
      forbidden.push(readFileSync(policy, 'utf8').includes('exit 101'));
    };
    await Promise.all([withoutDaemonStarts(policy, install(60)), withoutDaemonStarts(policy, install(0))]);
    expect(forbidden).toEqual([true, true]);
    expect(readFileSync(policy, 'utf8')).toBe(original);
    expect(readdirSync(folder.path)).toEqual(['policy-rc.d']);
  });

  test('is not half installed when it is interrupted: what is being unpacked is waited for, the policy is put back', async () => {
    program('bin/apt-get', withTools(aptGet(`touch '${at('unpacking')}'; sleep 0.3; ${putRedis()}`)));
    const controller = new AbortController();
    const attempt = findSoftware([single], within({ signal: controller.signal }));
    const watch = setInterval(() => existsSync(at('unpacking')) && controller.abort(new Error('enough')), 5);
    await expect(attempt).rejects.toThrow('enough');
    clearInterval(watch);
    expect(existsSync(at('bin/redis-server'))).toBe(true);
    expect(existsSync(at('policy-rc.d'))).toBe(false);
  });

  test('is given up at once when it is interrupted while packages are fetched', async () => {
    program('bin/apt-get', withTools(`touch '${at('fetching')}'; sleep 30`));
    const controller = new AbortController();
    const attempt = findSoftware([single], within({ signal: controller.signal }));
    const watch = setInterval(() => existsSync(at('fetching')) && controller.abort(new Error('enough')), 5);
    await expect(attempt).rejects.toThrow('enough');
    clearInterval(watch);
    expect(existsSync(at('policy-rc.d'))).toBe(false);
  });
});
