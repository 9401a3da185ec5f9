import { isMillraceError, MillraceError } from '../../runtime/src/contracts/errors.ts';
import { canInstall, type InstallOptions, installPackages } from './install.ts';
import { candidatesFor, type Program, type Variables } from './program.ts';
import { majorOf, versionOf } from './version.ts';

/** Where software was found. */
export interface FoundSoftware {
  readonly path: string;
  readonly version: string;
}

export interface SearchOptions extends Omit<InstallOptions, 'packages' | 'logFile'> {
  readonly installLog: string;
  /** Called before anything is installed. */
  readonly onInstall: (packages: readonly string[]) => void;
  readonly uid?: number | undefined;
}

/** Programs of this machine, those among them that were installed just now. */
export interface Search {
  readonly found: ReadonlyMap<Program, FoundSoftware>;
  /** Versions of programs that will not do. */
  readonly unfit: ReadonlyMap<Program, readonly string[]>;
  /** Why packages could not be installed. */
  readonly failure?: MillraceError | undefined;
}

/** Looks for programs by environment variable, PATH and usual folders, and installs what is missing, all at once, where root may install packages. */
export async function searchMachine(programs: readonly Program[], options: SearchOptions): Promise<Search> {
  const { env, onInstall, installLog: logFile } = options;
  const before = await lookForAll(programs, env);
  const missing = programs.filter((program) => !before.found.has(program));
  if (missing.length === 0 || !canInstall(env, options.uid)) return before;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  onInstall(packages);
  const failure = await notFoundOf(() => installPackages({ ...options, packages, logFile }));
  const after = await lookForAll(missing, env);
  return { found: new Map([...before.found, ...after.found]), unfit: after.unfit, failure };
}

/** What an attempt says when it finds nothing; another failure is thrown. */
export async function notFoundOf(attempt: () => Promise<void>): Promise<MillraceError | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (isMillraceError(error, 'SERVER_NOT_FOUND')) return error;
    throw error;
  }
}

async function lookForAll(programs: readonly Program[], env: Variables): Promise<Search> {
  const looks = await Promise.all(programs.map(async (program) => [program, await look(program, env)] as const));
  return {
    found: new Map(looks.flatMap(([program, seen]) => ('path' in seen ? [[program, seen]] : []))),
    unfit: new Map(looks.flatMap(([program, seen]) => ('path' in seen ? [] : [[program, seen.unfit]]))),
  };
}

/** The first candidate whose version will do, or the versions of those that will not. */
async function look(program: Program, env: Variables): Promise<FoundSoftware | { readonly unfit: readonly string[] }> {
  const unfit: string[] = [];
  for (const path of candidatesFor(program, env)) {
    const version = await versionOf(program, path);
    if (willDo(program, version)) return { path, version };
    unfit.push(`${version} (${path})`);
  }
  return { unfit };
}

/** Whether a program of that version is what is wanted. */
export function willDo({ majors }: Program, version: string): boolean {
  const major = majorOf(version);
  return majors === undefined || (major >= majors.from && major <= majors.to);
}

/** The ways to come by a program that is missing. @param byDocker one more of them */
export function notFound(program: Program, { unfit, failure }: Search, byDocker?: string): MillraceError {
  if (failure !== undefined) return byDocker === undefined ? failure : orElse(failure, byDocker);
  const { title, variable, kind, names, debianPackage } = program;
  const what = kind === 'file' ? names.join(' or ') : names.join(' and ');
  const others = unfit.get(program) ?? [];
  const found = others.length === 0 ? `${what} not found on PATH` : `${title} is needed, got ${others.join(' and ')}`;
  const install = `install ${title} (Debian and Ubuntu: apt-get install ${debianPackage})`;
  const name = `set ${variable} to its ${kind === 'file' ? 'program' : 'folder of programs'}`;
  const ways = byDocker === undefined ? `${install} or ${name}` : `${install}, ${name}, or ${byDocker}`;
  return new MillraceError('SERVER_NOT_FOUND', `${found}; ${ways}`);
}

/** A failure that ends with the lines of a log, and one more way out. */
export function orElse(failure: MillraceError, way: string): MillraceError {
  return new MillraceError('SERVER_NOT_FOUND', `${failure.message}\nor ${way}`, { cause: failure });
}
