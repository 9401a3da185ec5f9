import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ends what tests leave behind when they themselves are killed: a shell that notices the end of its input, which comes even after a SIGKILL of the tests.
 *
 * It lives only while there is something to guard.
 */
const script = `
pids= dirs=
while read -r verb thing; do
  case $verb in
    pid) pids="$pids $thing" ;;
    dir) dirs="$dirs $thing" ;;
    gone) rest=; for p in $pids; do [ "$p" = "$thing" ] || rest="$rest $p"; done; pids=$rest ;;
    removed) rest=; for d in $dirs; do [ "$d" = "$thing" ] || rest="$rest $d"; done; dirs=$rest ;;
  esac
done
for p in $pids; do kill -9 "$p"; done
sleep 0.2
for d in $dirs; do rm -rf "$d"; done
`;

let guard: ChildProcess | undefined;
const guarded = new Set<string>();

/** Hands a process to the guard until `unguard` is called with it. */
export function guardProcess(pid: number): () => void {
  return hold('pid', 'gone', String(pid));
}

/** Hands a folder to the guard until `unguard` is called with it. */
export function guardFolder(path: string): () => void {
  return hold('dir', 'removed', path);
}

function hold(verb: string, opposite: string, thing: string): () => void {
  guarded.add(`${verb} ${thing}`);
  tell(`${verb} ${thing}`);
  return () => {
    guarded.delete(`${verb} ${thing}`);
    tell(`${opposite} ${thing}`);
    if (guarded.size > 0) return;
    guard?.stdin?.end();
    guard = undefined;
  };
}

function tell(line: string): void {
  guard ??= startGuard();
  guard.stdin?.write(`${line}\n`);
}

function startGuard(): ChildProcess {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  return child;
}
