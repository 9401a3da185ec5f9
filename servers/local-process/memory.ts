import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { containerOf, isContainerScript } from './container.ts';

/**
 * Memory of a server: of the process that leads the group, of all in it, and of all in the container when `program` runs in one. Undefined when it cannot be
 * told.
 *
 * On Linux the proportional set size, so that the shared buffers of PostgreSQL count once; where that may not be read, and elsewhere, the resident set size.
 */
export function memoryOf(leader: number, program: string): number | undefined {
  const kibibytes = process.platform === 'linux' ? fromProc(leader, program) : fromPs(leader);
  return kibibytes === 0 ? undefined : Math.round(kibibytes / 1_024);
}

function fromProc(leader: number, program: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const group = sumOf(pids.filter((pid) => groupOf(pid) === leader));
  if (!isContainerScript(program)) return group;
  const container = containerOf(program, leader);
  const inside = container === undefined ? 0 : sumOf(pids.filter((pid) => isIn(container, pid)));
  // The client of Docker alone is not the server.
  return inside === 0 ? 0 : group + inside;
}

function sumOf(pids: readonly string[]): number {
  return pids.reduce((sum, pid) => sum + (proportional(pid) ?? resident(pid) ?? 0), 0);
}

/** Docker names the control group of a container by its id. */
function isIn(container: string, pid: string): boolean {
  return read(`/proc/${pid}/cgroup`)?.includes(container) === true;
}

/** Field 5 of `stat`; the second is the program's name in brackets and may itself hold blanks and brackets. */
function groupOf(pid: string): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function proportional(pid: string): number | undefined {
  return kibibytes(read(`/proc/${pid}/smaps_rollup`), /^Pss:\s+(\d+)/m);
}

function resident(pid: string): number | undefined {
  return kibibytes(read(`/proc/${pid}/status`), /^VmRSS:\s+(\d+)/m);
}

function kibibytes(text: string | undefined, pattern: RegExp): number | undefined {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Undefined for a process that has ended or belongs to somebody else. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}

function fromPs(leader: number): number {
  const lines = execFileSync('ps', ['-axo', 'pgid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .reduce((sum, [group, size]) => (group === leader ? sum + (size ?? 0) : sum), 0);
}
