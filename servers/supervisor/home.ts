import { chmodSync, existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Variables } from '../find/program.ts';
import { makeFolders } from '../local-process/files.ts';

/** The folder of one environment and the places in it. */
export interface Home {
  readonly dir: string;
  readonly stateFile: string;
  readonly bindingFile: string;
  readonly topologyFile: string;
  /** Names in the binding, for the compiler. */
  readonly typesFile: string;
  /** Beside the folder, so that the folder can be removed while it is held. */
  readonly lockFile: string;
  readonly secrets: string;
  /** Authority and certificates. */
  readonly tls: string;
  readonly caFile: string;
  readonly logs: string;
  readonly data: string;
  /** Scripts that stand for programs which run in containers. */
  readonly programs: string;
  /** Partitions of the log that are no longer in the database. */
  readonly archive: string;
  /** Of Grafana, one file each. */
  readonly dashboards: string;
}

/** Names in the folder of what services read. */
export const documentNames = { binding: 'binding.json', topology: 'topology.json', types: 'binding.d.ts' } as const;
export const archiveName = 'archive';

/** Where the environment's files lie: in `stateDir`, else in MILLRACE_STATE_DIR, else in `.millrace/ENV` of the current folder. */
export function homeOf(environment: string, stateDir: string | undefined, env: Variables): Home {
  const dir = resolve(stateDir ?? (env.MILLRACE_STATE_DIR || join('.millrace', environment)));
  const within = (name: string) => join(dir, name);
  return {
    dir,
    lockFile: `${dir}.lock`,
    stateFile: within('state.json'),
    bindingFile: within(documentNames.binding),
    topologyFile: within(documentNames.topology),
    typesFile: within(documentNames.types),
    secrets: within('secrets'),
    tls: within('tls'),
    caFile: within(join('tls', 'ca.pem')),
    logs: within('logs'),
    data: within('data'),
    programs: within('programs'),
    archive: within(archiveName),
    dashboards: within('dashboards'),
  };
}

/** Whether no `up` has left anything here. */
export function isNewHome(home: Home): boolean {
  return !existsSync(home.stateFile) && !existsSync(home.data);
}

/** Creates the folders; servers of other users may walk through to their data, and see nothing else. */
export function makeHome(home: Home): void {
  makeFolder(home.dir);
  // A folder with other things in it keeps the permissions that its owner gave it.
  const ours = existsSync(home.stateFile) || readdirSync(home.dir).length === 0;
  if (ours) chmodSync(home.dir, 0o711);
  for (const [path, mode] of [
    [home.data, 0o711],
    [home.tls, 0o711],
    [home.secrets, 0o700],
    [home.logs, 0o700],
  ] as const) {
    makeFolder(path);
    chmodSync(path, mode);
  }
}

/** Creates the folder and its parents. @throws {MillraceError} STATE_UNWRITABLE */
export function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

export function unwritable(path: string, cause: unknown): MillraceError {
  const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
  return new MillraceError(
    'STATE_UNWRITABLE',
    `${path} cannot be written (${reason}); make room or grant access, or choose another folder with --state-dir`,
    {
      cause,
    },
  );
}

/** Removes what `up` has made there, and the folder itself when nothing else is in it. */
export function removeHome(home: Home): void {
  const files = [home.stateFile, home.bindingFile, home.topologyFile, home.typesFile];
  for (const path of [...files, home.secrets, home.tls, home.logs, home.data, home.programs, home.archive, home.dashboards]) {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  }
  removeIfEmpty(home.dir);
}

/** Removes a folder that has become empty. */
export function removeIfEmpty(path: string): void {
  if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
}
