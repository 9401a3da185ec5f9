import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guardFolder } from './guard.ts';

const run = promisify(execFile);

/** Everything that tests run in Python, in one environment: pip is asked once a machine. */
const pythonPackages: readonly string[] = [
  'boto3==1.44.5',
  'botocore==1.44.5',
  'grpcio==1.85.1',
  'grpcio-health-checking==1.85.1',
  'moto[server]==5.2.5',
];

const installTimeoutMs = 300_000;

/**
 * The Python program of an environment that has `packages`, made by whoever comes first and kept in the system's temporary folder.
 *
 * An environment has its own path written into it, so it is made where it stays and then given its name by a link; of two that are made at once, one stays.
 *
 * @throws {Error} with what pip said last, or what to install when there is no Python 3 with `venv`.
 */
export async function pythonWith(packages: readonly string[] = pythonPackages): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 16);
  const name = join(tmpdir(), `millrace-python-${process.getuid?.() ?? 0}-${hash}`);
  if (!existsSync(programIn(name))) await make(name, packages);
  return programIn(name);
}

function programIn(folder: string): string {
  return join(folder, 'bin', 'python');
}

async function make(name: string, packages: readonly string[]): Promise<void> {
  const draft = await mkdtemp(`${name}-`);
  const release = guardFolder(draft);
  try {
    await chmod(draft, 0o755);
    await succeed('python3', ['-m', 'venv', draft], 'tests need Python 3 with venv: install python3-venv');
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', ...packages];
    await succeed(programIn(draft), pip, `pip could not install ${packages.join(' ')}`);
    await claim(name, draft);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  } finally {
    release();
  }
}

/** Names the finished environment, in place of a name that leads nowhere (temporary folders are swept); leaves one alone that was finished meanwhile. */
async function claim(name: string, draft: string): Promise<void> {
  if (existsSync(programIn(name))) {
    await rm(draft, { recursive: true, force: true });
    return;
  }
  const link = `${draft}.link`;
  await symlink(draft, link);
  await rename(link, name);
}

async function succeed(program: string, args: readonly string[], otherwise: string): Promise<void> {
  try {
    await run(program, [...args], { timeout: installTimeoutMs });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new Error(`${otherwise}: ${stderr.trim().split('\n').slice(-5).join('\n')}`, { cause });
  }
}
