import { accessSync, constants, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';

/** A program that a kind of server needs, and the ways to come by it. */
export interface Program {
  /** What the program is, for messages: `Redis 7 or Valkey`. */
  readonly title: string;
  /** Environment variable that names it; it goes before everything else. */
  readonly variable: string;
  /** `file`: the variable names the program itself. `folder`: it names the folder that holds all of `names`. */
  readonly kind: 'file' | 'folder';
  /** File: any one of these. Folder: all of these. */
  readonly names: readonly string[];
  /** Folders to look in after PATH, best first; a `*` stands for any one name, the highest version first. */
  readonly folders: readonly string[];
  readonly debianPackage: string;
  /** Image of Docker that has all of it on its PATH. @default none: it runs in no container */
  readonly image?: string;
  /** Arguments that make it print its version. */
  readonly versionArgs: readonly string[];
  /** Tells the version of the program (or folder) at `path` without running it, where running it costs seconds or leaves something behind. */
  readonly readVersion?: (path: string) => string | undefined;
  /** Major versions that will do; candidates of others are passed over. @default any */
  readonly majors?: { readonly from: number; readonly to: number };
}

export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Path of the program (or of its folder) by environment variable, PATH and usual folders, or undefined when it is in none of them.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND when the variable names something that is neither the program nor an image.
 */
export function findProgram(program: Program, env: Variables): string | undefined {
  return candidatesFor(program, env)[0];
}

const imagePrefix = 'docker:';

/** Image that the variable names instead of a program: `docker:millrace/redis:7.0`. */
export function imageNamedByVariable({ variable, image }: Program, env: Variables): string | undefined {
  const named = env[variable];
  return image !== undefined && named?.startsWith(imagePrefix) ? named.slice(imagePrefix.length) || undefined : undefined;
}

/** Every place where the program (or its folder) is, best first; only the one that the variable names when it names one. */
export function candidatesFor(program: Program, env: Variables): string[] {
  const named = env[program.variable];
  const isPath = named !== undefined && named !== '' && imageNamedByVariable(program, env) === undefined;
  if (isPath) return [namedByVariable(program, named)];
  const folders = [...foldersOfPath(env), ...program.folders.flatMap(expand)];
  return [...new Set(folders.flatMap((folder) => within(program, folder) ?? []))];
}

/** Path of the program of that name in the folders of PATH. */
export function onPath(name: string, env: Variables): string | undefined {
  return foldersOfPath(env)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function foldersOfPath(env: Variables): string[] {
  return (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

function namedByVariable(program: Program, path: string): string {
  const complete = program.kind === 'file' ? isExecutable(path) : within(program, path) !== undefined;
  if (complete) return path;
  const expected = program.kind === 'file' ? 'a program' : `a folder with ${program.names.join(' and ')}`;
  throw new MillraceError('SERVER_NOT_FOUND', `${program.variable} must name ${expected}, got ${JSON.stringify(path)}`);
}

function within({ kind, names }: Program, folder: string): string | undefined {
  const paths = names.map((name) => join(folder, name));
  // PATH often has links to some of the programs; their siblings lie where the links lead.
  if (kind === 'folder') return paths.every(isExecutable) ? dirname(realpathSync(paths[0]!)) : undefined;
  return paths.find(isExecutable);
}

function expand(pattern: string): string[] {
  const [before, after] = pattern.split('*');
  if (before === undefined || after === undefined) return [pattern];
  const parent = dirname(`${before}x`);
  const start = before.slice(parent.length + 1);
  return list(parent)
    .filter((name) => name.startsWith(start))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => `${parent}/${name}${after}`);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return [];
    throw error;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return false;
    throw error;
  }
}
