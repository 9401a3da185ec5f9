import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { canInstall, installPackages } from './install.ts';
import { findProgram, type Program, type Variables } from './program.ts';
import { versionOf } from './version.ts';

export interface FoundProgram {
  readonly path: string;
  readonly version: string;
}

export interface FindOptions {
  readonly env: Variables;
  readonly cwd: string;
  readonly installLog: string;
  /** Called before anything is installed. */
  readonly onInstall: (packages: readonly string[]) => void;
  readonly signal?: AbortSignal | undefined;
  readonly policyFile?: string | undefined;
  readonly uid?: number | undefined;
}

/**
 * Every program: by environment variable, PATH and usual folders; where root may install packages, what is missing is installed, all at once.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND saying what to install.
 */
export async function findPrograms(programs: readonly Program[], options: FindOptions): Promise<Map<Program, FoundProgram>> {
  const { env, cwd, installLog, onInstall, signal, policyFile } = options;
  const wanted = [...new Set(programs)];
  const missing = wanted.filter((program) => findProgram(program, env) === undefined);
  if (missing.length > 0 && canInstall(env, options.uid)) {
    const packages = missing.map(({ debianPackage }) => debianPackage);
    onInstall(packages);
    await installPackages({ packages, logFile: installLog, cwd, env, signal, policyFile });
  }
  const found = await Promise.all(
    wanted.map(async (program) => {
      const path = findProgram(program, env);
      if (path === undefined) throw notFound(program);
      return [program, { path, version: await versionOf(program, path) }] as const;
    }),
  );
  return new Map(found);
}

function notFound({ title, variable, kind, names, debianPackage }: Program): MillraceError {
  const what = kind === 'file' ? names.join(' or ') : names.join(' and ');
  return new MillraceError(
    'SERVER_NOT_FOUND',
    `${what} not found on PATH; install ${title} (Debian and Ubuntu: apt-get install ${debianPackage}) or set ${variable} to its ${
      kind === 'file' ? 'program' : 'folder of programs'
    }`,
  );
}
