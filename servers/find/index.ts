import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { type Distribution, type FetchProgress, fetchDistribution, findDistribution } from './distribution.ts';
import { canInstall, installPackages } from './install.ts';
import { candidatesFor, type Program, type Variables } from './program.ts';
import { javaProgram, mavenProgram } from './tools.ts';
import { majorOf, versionOf } from './version.ts';

/** What a kind of server needs on this machine. */
export type Software = Program | Distribution;

/** Where it was found. */
export interface FoundSoftware {
  readonly path: string;
  readonly version: string;
}

export interface FindOptions {
  readonly env: Variables;
  readonly cwd: string;
  readonly installLog: string;
  /** Called before anything is installed. */
  readonly onInstall: (packages: readonly string[]) => void;
  /** Called before a distribution is fetched, every few seconds while it is, and at the end. */
  readonly onFetch: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal | undefined;
  readonly policyFile?: string | undefined;
  readonly uid?: number | undefined;
}

/**
 * All of `wanted`: programs by environment variable, PATH and usual folders, installed all at once where root may install packages; distributions by
 * environment variable or from the cache folder, fetched with Maven when they are in neither.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND saying what to install.
 */
export async function findSoftware(wanted: readonly Software[], options: FindOptions): Promise<Map<Software, FoundSoftware>> {
  const distributions = [...new Set(wanted.filter((software) => software.kind === 'maven'))];
  const missing = distributions.filter((distribution) => findDistribution(distribution, options.env) === undefined);
  const tools = missing.length > 0 ? [javaProgram, mavenProgram] : [];
  const programs = await findPrograms([...wanted.filter((software) => software.kind !== 'maven'), ...tools], options);
  for (const distribution of missing) {
    await fetchDistribution(distribution, { ...options, maven: programs.get(mavenProgram)!.path, java: programs.get(javaProgram)!.path });
  }
  const found = distributions.map((distribution) => {
    return [distribution, { path: findDistribution(distribution, options.env)!, version: distribution.version }] as const;
  });
  return new Map<Software, FoundSoftware>([...programs, ...found]);
}

async function findPrograms(wanted: readonly Program[], options: FindOptions): Promise<Map<Program, FoundSoftware>> {
  const { env, cwd, installLog, onInstall, signal, policyFile } = options;
  const programs = [...new Set(wanted)];
  const looks = await Promise.all(programs.map((program) => look(program, env)));
  const missing = programs.filter((_, index) => !('path' in looks[index]!));
  if (missing.length > 0 && canInstall(env, options.uid)) {
    const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
    onInstall(packages);
    await installPackages({ packages, logFile: installLog, cwd, env, signal, policyFile });
  }
  const found = await Promise.all(
    programs.map(async (program, index) => {
      const before = looks[index]!;
      const now = 'path' in before ? before : await look(program, env);
      if (!('path' in now)) throw notFound(program, now.unfit);
      return [program, now] as const;
    }),
  );
  return new Map(found);
}

/** The first candidate whose version will do, or the versions of those that will not. */
async function look(program: Program, env: Variables): Promise<FoundSoftware | { readonly unfit: readonly string[] }> {
  const unfit: string[] = [];
  for (const path of candidatesFor(program, env)) {
    const version = await versionOf(program, path);
    const major = majorOf(version);
    const { majors } = program;
    if (majors === undefined || (major >= majors.from && major <= majors.to)) return { path, version };
    unfit.push(`${version} (${path})`);
  }
  return { unfit };
}

function notFound({ title, variable, kind, names, debianPackage }: Program, unfit: readonly string[]): MillraceError {
  const what = kind === 'file' ? names.join(' or ') : names.join(' and ');
  const found = unfit.length === 0 ? `${what} not found on PATH` : `${title} is needed, got ${unfit.join(' and ')}`;
  return new MillraceError(
    'SERVER_NOT_FOUND',
    `${found}; install ${title} (Debian and Ubuntu: apt-get install ${debianPackage}) or set ${variable} to its ${
      kind === 'file' ? 'program' : 'folder of programs'
    }`,
  );
}
