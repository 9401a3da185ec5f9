import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { isAlive, type ProcessIdentity, startTimeOf } from './identity.ts';

const holderSchema = z.object({ pid: z.int(), startTime: z.string() });

/** A lock that was taken, or the living process that has it. */
export type Lock = { readonly release: () => void } | { readonly holder: ProcessIdentity };

/** Takes the lock for this process if nobody has it; one whose holder has ended, however it ended, is taken over. */
export function tryLock(lockFile: string): Lock {
  const me: ProcessIdentity = { pid: process.pid, startTime: startTimeOf(process.pid) ?? 'unknown' };
  while (!place(lockFile, JSON.stringify(me))) {
    const text = readLock(lockFile);
    const holder = text === undefined ? undefined : holderOf(text);
    if (holder !== undefined && isAlive(holder)) return { holder };
    if (text !== undefined) takeAway(lockFile, text);
  }
  return { release: () => rmSync(lockFile, { force: true }) };
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
