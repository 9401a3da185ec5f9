import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { isAlive, type ProcessIdentity, startTimeOf } from '../local-process/identity.ts';
import { type Home, makeFolder, removeIfEmpty } from './home.ts';

const holderSchema = z.object({ pid: z.int(), startTime: z.string() });

/**
 * Takes the environment for this process alone.
 *
 * A lock whose holder has ended, however it ended, is taken over.
 *
 * @returns what gives it back.
 * @throws {MillraceError} STATE_LOCKED naming the process that holds it.
 */
export function lockHome({ lockFile }: Home, environment: string): () => void {
  const me: ProcessIdentity = { pid: process.pid, startTime: startTimeOf(process.pid) ?? 'unknown' };
  const folder = dirname(lockFile);
  makeFolder(folder);
  while (!place(lockFile, JSON.stringify(me))) {
    const text = readLock(lockFile);
    const holder = text === undefined ? undefined : holderOf(text);
    if (holder !== undefined && isAlive(holder)) {
      throw new MillraceError(
        'STATE_LOCKED',
        `environment ${environment} is being changed by process ${holder.pid}; wait until it has ended, or stop it`,
      );
    }
    if (text !== undefined) takeAway(lockFile, text);
  }
  return () => {
    rmSync(lockFile, { force: true });
    if (basename(folder) === '.millrace') removeIfEmpty(folder);
  };
}

/** The file appears with its content or not at all, so that nobody reads half of it. */
function place(lockFile: string, content: string): boolean {
  const draft = `${lockFile}.${process.pid}`;
  writeFileSync(draft, content, { mode: 0o644 });
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of two that find the same stale lock one renames it; the other one has then renamed the first one's fresh lock, and puts it back. */
function takeAway(lockFile: string, staleContent: string): void {
  const aside = `${lockFile}.stale.${process.pid}`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const content = readFileSync(aside, 'utf8');
  rmSync(aside);
  if (content !== staleContent) place(lockFile, content);
}

function readLock(lockFile: string): string | undefined {
  try {
    return readFileSync(lockFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A lock that names nobody is as good as none: it is written in one step, so it was damaged later. */
function holderOf(text: string): ProcessIdentity | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
