import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How the script begins that stands for a program which runs in a container. */
export const scriptHead = '#!/bin/sh\n# millrace: a program of an image of Docker\n';

/** Variables by which such a script is told what it cannot know when it is written. */
export const scriptVariables = {
  /** Who the program runs as, `uid:gid`. @default the one who runs the script */
  user: 'MILLRACE_CONTAINER_USER',
  /** Names of the variables that the program gets; their values stand in no argument, which everybody could read. @default none */
  names: 'MILLRACE_CONTAINER_VARIABLES',
} as const;

/** Whether the file is such a script. */
export function isContainerScript(program: string): boolean {
  const head = Buffer.alloc(scriptHead.length);
  return orMissing(() => readHead(program, head), 0) === head.length && head.toString('latin1') === scriptHead;
}

function readHead(path: string, head: Buffer): number {
  const file = openSync(path, 'r');
  try {
    return readSync(file, head);
  } finally {
    closeSync(file);
  }
}

/** Variables for a script. It runs as the one who starts it, because the owner of a server may not use Docker, and its program as the owner. */
export function scriptEnvironment(
  variables: Readonly<Record<string, string>>,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Record<string, string> {
  // Programs lie elsewhere in an image.
  const names = Object.keys(variables).filter((name) => name !== 'PATH');
  return {
    [scriptVariables.names]: names.join(' '),
    ...(owner === undefined ? {} : { [scriptVariables.user]: `${owner.uid}:${owner.gid}` }),
  };
}

/** Id of the container that the script runs as process `pid`; undefined as long as there is none. */
export function containerOf(script: string, pid: number): string | undefined {
  return orMissing(() => readFileSync(join(dirname(script), `${pid}.id`), 'utf8'), '') || undefined;
}

/** A file that is not there, or not for us to read. */
function orMissing<T>(look: () => T, missing: T): T {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return missing;
    throw error;
  }
}
