import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Starts some services of `local`, in a folder and on ports of its own, so that an environment that runs already is left alone. Called again for the same
 * folder it starts what has ended meanwhile, where it was.
 */
export async function environmentUp(stateDir: string, services: readonly string[], interrupted: AbortSignal): Promise<void> {
  const ports = ['--port-base', String(await freePortBase())];
  await engine(['up', '--env', 'local', '--state-dir', stateDir, ...ports, '--only', ...services], { interrupted });
}

/** Stops what `environmentUp` has started and removes its files. */
export async function environmentDown(stateDir: string): Promise<void> {
  await engine(['down', '--env', 'local', '--state-dir', stateDir, '--wipe']);
}

/** Processes of its servers, by the port that each listens on. */
export async function serverPids(stateDir: string): Promise<ReadonlyMap<number, number>> {
  // 2 says that a server is away, which is no failure of asking.
  const { stdout } = await engine(['status', '--env', 'local', '--state-dir', stateDir, '--json'], { accepted: [0, 2], stdout: 'pipe' });
  const { servers } = JSON.parse(stdout) as { servers: { port?: number; pid?: number }[] };
  return new Map(servers.flatMap(({ port, pid }) => (port === undefined || pid === undefined ? [] : [[port, pid]])));
}

interface EngineOptions {
  /** Passed on as SIGINT; the engine takes back what it has begun. */
  readonly interrupted?: AbortSignal;
  /** Exit codes that are no failure. @default 0 */
  readonly accepted?: readonly number[];
  /** @default shown to people on standard error, because the result has standard output to itself */
  readonly stdout?: 'pipe' | 2;
}

async function engine(args: readonly string[], options: EngineOptions = {}): Promise<{ readonly stdout: string }> {
  const { interrupted, accepted = [0], stdout = 2 } = options;
  const child = spawn(process.execPath, ['--import', 'tsx', 'servers/main.ts', ...args], { cwd: repository, stdio: ['ignore', stdout, 2] });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const pass = (): boolean => child.kill('SIGINT');
  interrupted?.addEventListener('abort', pass);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  interrupted?.removeEventListener('abort', pass);
  interrupted?.throwIfAborted();
  if (!accepted.includes(code ?? -1)) throw new Error(`${args[0]} of the environment local ended with ${signal ?? `exit code ${code}`}`);
  return { stdout: text };
}

/** More than its servers need. */
const portsNeeded = 16;

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
