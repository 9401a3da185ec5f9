import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { describeEnd } from '../local-process/launch.ts';
import { logTail } from '../local-process/log-tail.ts';
import { runToEnd } from '../local-process/run.ts';
import { withoutDaemonStarts } from './policy.ts';
import { onPath, type Variables } from './program.ts';

export interface InstallOptions {
  readonly packages: readonly string[];
  /** What apt-get says is appended here. */
  readonly logFile: string;
  readonly cwd: string;
  readonly env: Variables;
  readonly signal?: AbortSignal | undefined;
  /** @default /usr/sbin/policy-rc.d */
  readonly policyFile?: string | undefined;
}

/** Whether packages can be installed here: apt-get is there and this process is root. */
export function canInstall(env: Variables, uid: number | undefined = process.getuid?.()): boolean {
  return uid === 0 && aptGet(env) !== undefined;
}

/** Only the last step changes the machine, and an interrupted one would have to be mended by hand: it is waited for. */
const steps: readonly { readonly args: readonly string[]; readonly interruptible: boolean }[] = [
  { args: ['update'], interruptible: true },
  { args: ['install', '--download-only'], interruptible: true },
  { args: ['install'], interruptible: false },
];

/**
 * Installs Debian packages without starting the daemons that they bring.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what apt-get said.
 */
export async function installPackages(options: InstallOptions): Promise<void> {
  const { packages, logFile, cwd, env, signal, policyFile } = options;
  const program = aptGet(env) ?? 'apt-get';
  await withoutDaemonStarts(policyFile, async () => {
    for (const { args, interruptible } of steps) {
      signal?.throwIfAborted();
      const wanted = args[0] === 'update' ? [] : ['--yes', '--no-install-recommends', ...packages];
      const spec = { name: 'apt-get', program, args: [...args, ...wanted], cwd, logFile, env: { DEBIAN_FRONTEND: 'noninteractive' } };
      const end = await runToEnd(spec, interruptible ? signal : undefined);
      if (end.code !== 0) throw installFailure(packages, `apt-get ${args.join(' ')} ${describeEnd(end)}`, logFile);
    }
  });
  signal?.throwIfAborted();
}

function installFailure(packages: readonly string[], what: string, logFile: string): MillraceError {
  return new MillraceError(
    'SERVER_NOT_FOUND',
    `${packages.join(' and ')} could not be installed: ${what}; install by hand, or mend what ${logFile} says last:\n${logTail(logFile)}`,
  );
}

function aptGet(env: Variables): string | undefined {
  return onPath('apt-get', env);
}
