import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { containerOf } from '../../constructs/aws/worker/container.ts';
import { repository } from '../repository/repository.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import {
  admittedPaths,
  copiedPaths,
  dockerfile,
  dockerIsReady,
  loadedClients,
  nodeImage,
  run,
  workerDependencies,
} from './worker-image.ts';

const lies = (path: string, within: string): boolean => path === within || path.startsWith(`${within}/`);

describe('the Dockerfile', () => {
  test('copies what is there, and what the ignore file lets through', () => {
    const paths = copiedPaths();
    expect(paths).toContain('runtime/src');
    expect(paths.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
    expect(paths.filter((path) => !admittedPaths().some((admitted) => lies(path, admitted)))).toEqual([]);
  });

  test('gets sent nothing that it does not copy', () => {
    expect(admittedPaths().filter((admitted) => !copiedPaths().some((path) => lies(admitted, path)))).toEqual([]);
  });

  test('asks for health as the task definition does', () => {
    const command = JSON.parse(/^HEALTHCHECK [^\n]+\n\s+CMD (.+)$/m.exec(readFileSync(join(repository, dockerfile), 'utf8'))?.[1] ?? '[]');
    const worker = { image: '', command: [], region: '' } as unknown as Parameters<typeof containerOf>[0];
    expect(['CMD', ...command]).toEqual(containerOf(worker, 'logs').healthCheck.command);
  });
});

describe('what the image installs', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));

  test('is every client that its programs may load', () => {
    const clients = [...new Set([...loadedClients('relay'), ...loadedClients('migrate')])].sort();
    expect(clients).toContain('pg');
    expect(
      Object.keys(workerDependencies())
        .filter((name) => name !== 'millrace')
        .sort(),
    ).toEqual(clients);
  });

  test('is of the versions that tests run with', () => {
    for (const [name, version] of Object.entries(workerDependencies())) {
      if (name !== 'millrace') expect([name, version]).toEqual([name, devDependencies[name]]);
    }
  });
});

describe('the folder of the image', () => {
  let folder: TestFolder;
  let program: string;

  beforeAll(async () => {
    const dist = dirname(dirname(await builtCli()));
    folder = await testFolder('worker');
    const runtime = join(folder.path, 'runtime');
    mkdirSync(runtime);
    cpSync(join(repository, 'runtime/package.json'), join(runtime, 'package.json'));
    cpSync(join(repository, 'runtime/sql'), join(runtime, 'sql'), { recursive: true });
    cpSync(dist, join(runtime, 'dist'), { recursive: true });
    program = join(runtime, 'dist/cli/main.js');
    const { dependencies } = JSON.parse(readFileSync(join(repository, 'runtime/package.json'), 'utf8'));
    for (const name of Object.keys({ ...dependencies, ...workerDependencies() })) {
      const link = join(folder.path, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(repository, 'node_modules', name), link);
    }
  }, 120_000);
  afterAll(() => folder.remove());

  test('is enough to start the relay', () => {
    const { status, stdout } = run(process.execPath, program, 'relay', '--help');
    expect(stdout).toContain('Usage: millrace relay');
    expect(status).toBe(0);
  });

  test('is enough to migrate', () => {
    const { status, stdout } = run(process.execPath, program, 'migrate', '--sql');
    expect(stdout).toContain('create function millrace.enqueue');
    expect(status).toBe(0);
  });
});

(dockerIsReady() ? describe : describe.skip)('the image itself', () => {
  const tag = `millrace-worker-test:${process.pid}`;
  const contained = (...words: string[]) => run('docker', 'run', '--rm', '--network', 'none', '--read-only', '--cap-drop', 'ALL', ...words);

  beforeAll(() => {
    const built = run('docker', 'build', '--network', 'host', '-f', dockerfile, '--build-arg', `NODE_IMAGE=${nodeImage}`, '-t', tag, '.');
    if (built.status !== 0) throw new Error(`docker build ended with ${built.status}:\n${built.stderr.slice(-4_000)}`);
  }, 900_000);
  afterAll(() => void run('docker', 'image', 'rm', tag));

  test('runs as nobody in particular, on a file system that it cannot write', () => {
    expect(contained(tag, 'relay', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: millrace relay') });
    const { stdout } = contained('--entrypoint', 'node', tag, '-p', "[process.getuid(), process.getgid()].join(':')");
    expect(stdout.trim()).toBe('10001:10001');
  });

  test('holds nothing to build with', () => {
    const { stdout } = contained('--entrypoint', 'node', tag, '-p', "JSON.stringify(require('node:fs').readdirSync('node_modules'))");
    const installed = JSON.parse(stdout) as string[];
    expect(installed).toContain('pg');
    expect(installed.filter((name) => ['typescript', '@types', 'cdktf', 'jest'].includes(name))).toEqual([]);
  });

  test('is not healthy where no worker answers', () => {
    const worker = { image: '', command: [], region: '' } as unknown as Parameters<typeof containerOf>[0];
    const [, program = '', ...words] = containerOf(worker, 'logs').healthCheck.command;
    expect(contained('--entrypoint', program, tag, ...words)).toMatchObject({ status: 1, stderr: '' });
  });
});
