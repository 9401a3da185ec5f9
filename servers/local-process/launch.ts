import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { type ProcessIdentity, startTimeOf } from './identity.ts';

/** The user a server runs as, where it refuses to run as the one who starts it. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How to start one server process. */
export interface LaunchSpec {
  /** For messages, `events-1`. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Standard output and errors are appended here. */
  readonly logFile: string;
  readonly owner?: Owner | undefined;
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that was started here. */
export interface LaunchedProcess extends ProcessIdentity {
  readonly name: string;
  readonly logFile: string;
  /** How it ended; undefined while it runs. */
  ended(): ProcessEnd | undefined;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a process ended, for messages. */
export function describeEnd({ code, signal }: ProcessEnd): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/**
 * Starts a server as a daemon: in a session of its own, so that it outlives this process and no Ctrl-C of the terminal reaches it.
 *
 * @throws {MillraceError} SERVER_START_FAILED when the program cannot be run at all.
 */
export async function launch(spec: LaunchSpec): Promise<LaunchedProcess> {
  const log = openSync(spec.logFile, 'a', 0o600);
  try {
    const child = spawn(spec.program, spec.args, {
      cwd: spec.cwd,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...serverEnvironment(), ...spec.env },
      ...spec.owner,
    });
    if (child.pid === undefined) throw await cannotRun(child, spec);
    const end = watchEnd(child);
    child.unref();
    // A process that has ended already has no start time any more; `ended()` will tell.
    const startTime = startTimeOf(child.pid) ?? 'ended';
    return { name: spec.name, logFile: spec.logFile, pid: child.pid, startTime, ended: () => end.how };
  } finally {
    closeSync(log);
  }
}

/** What a server gets of the environment: servers write dates and messages in a fixed language, whoever starts them. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

async function cannotRun(child: ChildProcess, { name, program }: LaunchSpec): Promise<MillraceError> {
  const [cause] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  return new MillraceError('SERVER_START_FAILED', `${name} cannot be started: ${program} does not run (${cause.code})`, { cause });
}

function watchEnd(child: ChildProcess): { how?: ProcessEnd } {
  const end: { how?: ProcessEnd } = {};
  child.once('exit', (code, signal) => {
    end.how = { code, signal };
  });
  return end;
}
