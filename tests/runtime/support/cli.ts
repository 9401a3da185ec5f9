import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';
import type { TestRedis } from '../../support/servers.ts';

const root = join(__dirname, '../../..');
const program = join(root, 'runtime/dist/cli/main.js');

/** Builds the package unless it is built already; test files that run side by side take turns. */
export async function builtCli(): Promise<string> {
  const lock = join(root, 'runtime/dist.lock');
  if (isFresh()) return program;
  await eventually(() => isFresh() || take(lock), { timeoutMs: 120_000, what: 'the package is built' });
  try {
    if (!isFresh()) await build();
  } finally {
    if (existsSync(lock)) rmdirSync(lock);
  }
  return program;
}

/** Other parts of the tree may not compile at the moment: what is emitted tells whether it worked. */
async function build(): Promise<void> {
  const failure: unknown = await promisify(execFile)('npx', ['tsc', '-p', 'runtime/tsconfig.json'], { cwd: root }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isFresh()) return;
  throw new Error(`the package could not be built: ${(failure as { stdout?: string } | undefined)?.stdout ?? 'tsc left old files'}`, {
    cause: failure,
  });
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}

function isFresh(): boolean {
  if (!existsSync(program)) return false;
  const sources = readdirSync(join(root, 'runtime/src'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.name.endsWith('.ts'),
  );
  return sources.every(({ parentPath, name }) => {
    const source = join(parentPath, name);
    const built = source.replace(join(root, 'runtime/src'), join(root, 'runtime/dist')).replace(/\.ts$/, '.js');
    return existsSync(built) && statSync(built).mtimeMs >= statSync(source).mtimeMs;
  });
}

export interface CliServers {
  /** Database as `postgres://user:password@host:port/database`. */
  readonly database?: string;
  readonly redis?: Pick<TestRedis, 'host' | 'port' | 'password'>;
  readonly topology?: Topology;
}

/** Writes a binding for the servers into `folder` and returns the environment that a program needs for it. */
export function bindingEnv(folder: string, { database, redis, topology }: CliServers): Record<string, string> {
  const services: Record<string, BoundService> = {};
  const env: Record<string, string> = {};
  if (database !== undefined) {
    const { hostname, port, username, password, pathname } = new URL(database);
    env.TEST_DATABASE_PASSWORD = password;
    services.database = {
      ...{ kind: 'postgres', role: 'database', database: pathname.slice(1) },
      endpoints: [{ purpose: 'primary', host: hostname, port: Number(port) }],
      auth: { mode: 'password', username, secretRef: { from: 'env', id: 'TEST_DATABASE_PASSWORD' } },
    };
  }
  if (redis !== undefined) {
    env.TEST_REDIS_PASSWORD = redis.password;
    services.events = {
      ...{ kind: 'redis', role: 'events' },
      endpoints: [{ purpose: 'primary', host: redis.host, port: redis.port }],
      auth: { mode: 'password', secretRef: { from: 'env', id: 'TEST_REDIS_PASSWORD' } },
    };
  }
  const text = canonicalJson(topology ?? {});
  writeFileSync(join(folder, 'topology.json'), text);
  const place = { hash: createHash('sha256').update(text).digest('hex'), location: 'topology.json' };
  const file = join(folder, 'binding.json');
  writeFileSync(file, JSON.stringify({ ...wrap(services).document, ...(topology && { topology: place }) }));
  return { ...env, MILLRACE_BINDING: file };
}

export interface CliEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], env: Record<string, string>): Promise<CliEnd> {
  const child = await startCli(args, env);
  return child.ended;
}

export interface CliProcess {
  readonly pid: number;
  readonly ended: Promise<CliEnd>;
  kill(signal: NodeJS.Signals): void;
}

export async function startCli(args: readonly string[], env: Record<string, string>): Promise<CliProcess> {
  const child: ChildProcess = spawn(process.execPath, [await builtCli(), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = guardProcess(child.pid!);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  const ended = new Promise<CliEnd>((resolve) => {
    child.once('close', (code) => {
      release();
      resolve({ code, ...output });
    });
  });
  return { pid: child.pid!, ended, kill: (signal) => void child.kill(signal) };
}
