import { chmodSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import { renderContainerScript } from './container-script.ts';
import type { DockerImage } from './docker-images.ts';
import type { Program } from './program.ts';

/** Where containers of an environment work. */
export interface ContainerGround {
  /** Folder for the scripts that stand for programs. */
  readonly programs: string;
  /** Folder of the environment, which its programs may write to. */
  readonly state: string;
}

/** Writes the scripts that stand for a program. @returns what a search for it would find: a program, or a folder of programs. */
export function writeContainerScripts(
  program: Program,
  { name: image, engine }: DockerImage,
  { programs, state }: ContainerGround,
  readOnly: readonly string[],
): string {
  const folder = join(programs, program.variable.replace('MILLRACE_', '').replaceAll('_', '-').toLowerCase());
  for (const path of [programs, folder]) makePrivateFolder(path);
  const write = (name: string, names: readonly string[]): string => {
    const path = join(folder, name);
    writePrivateFile(path, renderContainerScript({ ...engine, image, names, folder, state, readOnly }));
    chmodSync(path, 0o700);
    return path;
  };
  if (program.kind === 'file') return write(program.names[0]!, program.names);
  for (const name of program.names) write(name, [name]);
  return folder;
}

/** The tag of an image tells a version where asking the program for its own is no good. */
export function versionOfTag(image: string): string | undefined {
  return /:v?(\d[\w.]*)/.exec(basename(image))?.[1];
}
