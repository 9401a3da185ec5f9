import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file system of its own that is soon full. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves not a byte. */
  fill(): Promise<void>;
  /** Makes room again. */
  clear(): Promise<void>;
  unmount(): void;
}

/** Why none can be mounted here, or undefined. */
export function smallDisksAreImpossible(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs the right to mount a file system';
  }
}

/** @param path of a folder that is not there yet. */
export function mountSmallDisk(path: string, mebibytes: number): SmallDisk {
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  const ballast = join(path, 'ballast');
  return {
    path,
    async fill() {
      // Without room for all of it what fits is written, and stays.
      await writeFile(ballast, Buffer.alloc(mebibytes << 20)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error;
      });
    },
    clear: () => rm(ballast),
    unmount: () => void execFileSync('umount', ['-l', path]),
  };
}
