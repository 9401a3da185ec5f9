import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { eventually } from '../eventually.ts';
import { guardProcess } from '../guard.ts';

const run = promisify(execFile);

/** Why machines cannot be played here, or undefined. */
export function machinesAreImpossible(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const missing = ['ip', 'unshare', 'nsenter', 'losetup', 'mkfs.ext4', 'jq', 'openssl', 'redis-server', 'python3'].filter(
    (program) => !found(program),
  );
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  const probe =
    'mount -t tmpfs t /mnt && cd /mnt && mkdir u w r && mount -t overlay o -o lowerdir=/,upperdir=u,workdir=w r && ip link add a0 type veth peer name a1';
  try {
    execFileSync('unshare', ['--mount', '--net', '--pid', '--fork', 'sh', '-c', probe], { stdio: 'ignore' });
    return existsSync('/dev/loop-control') ? undefined : 'needs loop devices';
  } catch {
    return 'needs the right to make namespaces, overlays and virtual networks';
  }
}

function found(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(`${folder}/${program}`));
}

/** Processes, mounts and network of their own; all of it ends with `end`, or with the tests however they end. */
export interface Namespace {
  readonly pid: number;
  /** Runs a program inside; @throws {Error} with what it printed when it fails. */
  run(program: string, args: readonly string[], options?: { readonly timeoutMs?: number }): Promise<string>;
  /** Starts one that goes on. */
  start(program: string, args: readonly string[]): ChildProcess;
  end(): Promise<void>;
}

/** Its first process does nothing but take in the dead. */
const first = 'mount -t proc proc /proc; while :; do sleep 1000 & wait $!; done';

export async function openNamespace(): Promise<Namespace> {
  const options = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  const holder = spawn('unshare', [...options, 'bash', '-c', first], { stdio: 'ignore' });
  const release = guardProcess(holder.pid!);
  const children = `/proc/${holder.pid}/task/${holder.pid}/children`;
  const pid = await eventually(() => Number(readFileSync(children, 'utf8').trim()) || undefined, { what: 'the namespace is there' });
  const inside = (program: string, args: readonly string[]): [string, string[]] => [
    'nsenter',
    ['--target', String(pid), '--mount', '--net', '--pid', program, ...args],
  ];
  await eventually(() => run(...inside('mountpoint', ['-q', '/proc'])).then(() => true), { what: 'the namespace has its own processes' });
  return {
    pid,
    run: async (program, args, { timeoutMs = 60_000 } = {}) => {
      try {
        return (await run(...inside(program, args), { timeout: timeoutMs, maxBuffer: 1 << 26 })).stdout;
      } catch (error) {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        throw new Error(`${program} ${args.join(' ')}: ${stderr}${stdout}`, { cause: error });
      }
    },
    start: (program, args) => spawn(...inside(program, args), { stdio: 'ignore' }),
    end: async () => {
      const gone = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
      if (holder.exitCode === null && holder.signalCode === null) {
        holder.kill('SIGKILL');
        await gone;
      }
      await eventually(() => !existsSync(`/proc/${pid}`), { what: 'the namespace has ended' });
      release();
    },
  };
}
