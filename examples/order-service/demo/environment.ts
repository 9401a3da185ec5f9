import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Starts what the order service needs of `local`, in a folder and on ports of its own, so that an environment that runs already is left alone. */
export async function environmentUp(stateDir: string, interrupted: AbortSignal): Promise<void> {
  const needed = ['--only', 'events', 'database'];
  await engine(['up', '--env', 'local', '--state-dir', stateDir, '--port-base', String(await freePortBase()), ...needed], interrupted);
}

/** Stops what `environmentUp` has started and removes its files. */
export async function environmentDown(stateDir: string): Promise<void> {
  await engine(['down', '--env', 'local', '--state-dir', stateDir, '--wipe']);
}

/** @param interrupted passed on as SIGINT; the engine takes back what it has begun. */
async function engine(args: readonly string[], interrupted?: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'servers/main.ts', ...args], {
    cwd: repository,
    // The result of the demo has standard output to itself.
    stdio: ['ignore', 2, 2],
  });
  const pass = (): boolean => child.kill('SIGINT');
  interrupted?.addEventListener('abort', pass);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  interrupted?.removeEventListener('abort', pass);
  interrupted?.throwIfAborted();
  if (code !== 0) throw new Error(`${args[0]} of the environment local ended with ${signal ?? `exit code ${code}`}`);
}

/** More than its servers need. */
const portsNeeded = 12;

/** First of a run of free ports, below those that the system hands out for outgoing connections. */
async function freePortBase(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = 18_000 + portsNeeded * Math.floor(Math.random() * 1_000);
    const free = await Promise.all(Array.from({ length: portsNeeded }, (_, index) => canListen(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${portsNeeded} free ports in a row were found from 18000 to 30000`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
