import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Process that listens on the port of this machine, if that can be known. */
export function listenerOn(port: number): number | undefined {
  return process.platform === 'linux' ? listenerFromProc(port) : listenerFromLsof(port);
}

/** Processes whose current folder lies in `dir`, where that can be known. */
export function processesWithin(dir: string): number[] {
  return pids().filter((pid) => {
    const cwd = link(`/proc/${pid}/cwd`);
    return cwd === dir || cwd?.startsWith(dir + sep) === true;
  });
}

const listening = '0A';

function listenerFromProc(port: number): number | undefined {
  const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningSockets(table, port)));
  if (sockets.size === 0) return undefined;
  return pids().find((pid) => list(`/proc/${pid}/fd`).some((fd) => sockets.has(link(join(`/proc/${pid}/fd`, fd)) ?? '')));
}

/** Columns: number, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode. */
function listeningSockets(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = quietly(() => readFileSync(table, 'utf8')) ?? '';
  return rows.split('\n').flatMap((row) => {
    const columns = row.trim().split(/\s+/);
    return columns[1]?.endsWith(suffix) && columns[3] === listening ? [`socket:[${columns[9]}]`] : [];
  });
}

function listenerFromLsof(port: number): number | undefined {
  const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'];
  const first = quietly(() => execFileSync('lsof', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))?.split('\n')[0];
  return first === undefined || first === '' ? undefined : Number(first);
}

function pids(): number[] {
  return list('/proc').map(Number).filter(Number.isInteger);
}

function list(folder: string): string[] {
  return quietly(() => readdirSync(folder)) ?? [];
}

function link(path: string): string | undefined {
  return quietly(() => readlinkSync(path));
}

/** Processes end while they are looked at, belong to others, and other systems have no /proc: each just means "not known". */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
