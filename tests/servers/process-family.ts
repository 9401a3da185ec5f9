import { execFileSync } from 'node:child_process';

/** Processes that `pid` has started, and those that they have started. */
export function descendantsOf(pid: number): number[] {
  const all = table('ppid');
  const below = (parent: number): number[] => [...all].flatMap(([child, of]) => (Number(of) === parent ? [child, ...below(child)] : []));
  return below(pid);
}

/** Those of `pids` that run; one that waits to be reaped has ended. */
export function running(pids: readonly number[]): number[] {
  const states = table('stat');
  return pids.filter((pid) => states.get(pid)?.startsWith('Z') === false);
}

/** Time that the processor has spent on the process. */
export function cpuSeconds(pid: number): number {
  return (table('time').get(pid) ?? '').split(':').reduce((seconds, part) => 60 * seconds + Number(part), 0);
}

function table(column: 'ppid' | 'stat' | 'time'): Map<number, string> {
  const rows = execFileSync('ps', ['-axo', `pid=,${column}=`], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return new Map(
    rows.map((row) => {
      const [pid, value] = row.trim().split(/\s+/);
      return [Number(pid), value ?? ''];
    }),
  );
}
