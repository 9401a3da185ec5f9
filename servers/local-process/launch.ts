import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { isContainerScript, scriptEnvironment } from './container.ts';
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
  /** Size of the log when it was launched, in bytes. */
  readonly logFrom: number;
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
 * The process waits to become the program until it is told to. So there is no moment at which a server runs that nobody has written down, even when the
 * one who starts it is killed: without a word the process ends.
 */
const waitForWord = 'read -r _ || exit 125; exec "$0" "$@" < /dev/null';

/**
 * Starts a server as a daemon: in a session of its own, so that it outlives this process and no Ctrl-C of the terminal reaches it.
 *
 * @param onLaunched writes the process down; it becomes the server only after that.
 * @throws {MillraceError} SERVER_START_FAILED when no process can be made at all.
 */
export async function launch(spec: LaunchSpec, onLaunched: (launched: LaunchedProcess) => void): Promise<LaunchedProcess> {
  const variables = { ...languageAndTime, ...spec.env };
  const inContainer = isContainerScript(spec.program);
  const log = openSync(spec.logFile, 'a', 0o600);
  const logFrom = fstatSync(log).size;
  try {
    const child = spawn('/bin/sh', ['-c', waitForWord, spec.program, ...spec.args], {
      cwd: spec.cwd,
      detached: true,
      stdio: ['pipe', log, log],
      env: { PATH: process.env.PATH, ...variables, ...(inContainer && scriptEnvironment(variables, spec.owner)) },
      ...(!inContainer && spec.owner),
    });
    if (child.pid === undefined) throw await cannotRun(child, spec);
    const end = watchEnd(child);
    child.unref();
    // A process that has ended already has no start time any more; `ended()` will tell.
    const startTime = startTimeOf(child.pid) ?? 'ended';
    const launched = { name: spec.name, logFile: spec.logFile, logFrom, pid: child.pid, startTime, ended: () => end.how };
    giveWord(child, () => onLaunched(launched));
    return launched;
  } finally {
    closeSync(log);
  }
}

function giveWord({ stdin }: ChildProcess, first: () => void): void {
  // A process that has ended cannot be told anything; `ended()` says so.
  stdin?.on('error', () => undefined);
  try {
    first();
    stdin?.end('go\n');
  } catch (error) {
    stdin?.destroy();
    throw error;
  }
}

/** What a server gets besides PATH and its own variables: servers write dates and messages in a fixed language, whoever starts them. */
const languageAndTime = { LC_ALL: 'C', TZ: 'UTC' };

async function cannotRun(child: ChildProcess, { name, program }: LaunchSpec): Promise<MillraceError> {
  const [cause] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  return new MillraceError('SERVER_START_FAILED', `${name} cannot be started: no process for ${program} (${cause.code})`, { cause });
}

function watchEnd(child: ChildProcess): { how?: ProcessEnd } {
  const end: { how?: ProcessEnd } = {};
  child.once('exit', (code, signal) => {
    end.how = { code, signal };
  });
  return end;
}
