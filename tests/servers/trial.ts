import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Environment, type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import type { ProcessIdentity } from '../../servers/local-process/identity.ts';
import { isAlive } from '../../servers/local-process/identity.ts';
import { down, status, up } from '../../servers/supervisor/index.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import { guardProcess } from '../support/guard.ts';
import { freePorts } from '../support/ports.ts';

/** An environment of a test's own: free ports, own folder, everything removed at the end. */
export interface Trial {
  readonly environment: Environment;
  readonly stateDir: string;
  readonly folder: TestFolder;
  /** Processes that the state file names, by server. */
  processes(): Record<string, ProcessIdentity>;
  alive(): string[];
  /** Every secret of it by name, and everything that travels or that other users of the machine may see: documents, state, logs, and how its processes were called. */
  secretsAndTexts(): { readonly secrets: Record<string, string>; readonly texts: Record<string, string> };
  /** `up`; should the test die, its servers die too. @param environment other services in the same folder. @default its own */
  start(environment?: Environment): ReturnType<typeof up>;
  /** `down`, files stay. */
  stop(): ReturnType<typeof down>;
  look(): ReturnType<typeof status>;
  remove(): Promise<void>;
}

export const oneRedis = { cache: { kind: 'redis', role: 'cache' } } as const;
const theSpine = {
  ...oneRedis,
  events: { kind: 'redis-sentinel', role: 'events' },
  database: { kind: 'postgres', role: 'database' },
} as const;

const tsx = pathToFileURL(resolve('node_modules/tsx/dist/loader.mjs')).href;

/** Ports enough for any environment that a test starts. */
const portCount = 24;

export async function startTrial(
  services: NonNullable<EnvironmentInput['services']> = theSpine,
  topology: EnvironmentInput['topology'] = {},
): Promise<Trial> {
  const folder = await testFolder('trial');
  const base = await freePorts(portCount);
  const engine = { kind: 'process', ports: { base } } as const;
  const environment = parseEnvironment({ name: 'trial', engine, size: 'small', services, topology });
  const stateDir = join(folder.path, 'state');
  const processes = () => processesOf(stateDir);
  let release = () => {};
  return {
    ...{ environment, stateDir, folder, processes },
    secretsAndTexts: () => secretsAndTextsOf(stateDir, processes()),
    alive: () => Object.entries(processes()).flatMap(([id, process]) => (isAlive(process) ? [id] : [])),
    async start(other = environment) {
      const result = await up(other, { stateDir });
      release();
      release = guardServers(processes());
      return result;
    },
    async stop() {
      const result = await down(environment, { stateDir });
      release();
      return result;
    },
    look: () => status(environment, { stateDir }),
    remove: async () => {
      release();
      await down(environment, { stateDir, wipe: true });
      await folder.remove();
    },
  };
}

function processesOf(stateDir: string): Record<string, ProcessIdentity> {
  if (!existsSync(join(stateDir, 'state.json'))) return {};
  const { servers } = JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8')) as {
    servers: Record<string, { process?: ProcessIdentity }>;
  };
  return Object.fromEntries(Object.entries(servers).flatMap(([id, { process }]) => (process === undefined ? [] : [[id, process]])));
}

function secretsAndTextsOf(stateDir: string, processes: Readonly<Record<string, ProcessIdentity>>) {
  const read = (folder: string, which: RegExp) =>
    Object.fromEntries(
      readdirSync(folder, { withFileTypes: true }).flatMap(({ parentPath, name }) =>
        which.test(name) ? [[name, readFileSync(join(parentPath, name), 'utf8')]] : [],
      ),
    );
  const calls = Object.entries(processes).map(([name, { pid }]) => [`call of ${name}`, readFileSync(`/proc/${pid}/cmdline`, 'utf8')]);
  const texts = { ...read(stateDir, /\.(json|d\.ts)$/), ...read(join(stateDir, 'logs'), /\.log$/), ...Object.fromEntries(calls) };
  return { secrets: read(join(stateDir, 'secrets'), /./), texts: texts as Record<string, string> };
}

/** Has the servers killed even when the test process itself is: call it after `up`. @returns what ends that. */
export function guardServers(processes: Readonly<Record<string, ProcessIdentity>>): () => void {
  const releases = Object.values(processes).map(({ pid }) => guardProcess(pid));
  return () => {
    for (const release of releases) release();
  };
}

export interface RunningProgram {
  readonly pid: number;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** The command line program itself, with an `environments/` that declares the trial. */
export function environmentProgram(trial: Trial, ...args: string[]): RunningProgram {
  const script = join(trial.folder.path, 'environment.ts');
  const programFile = resolve('servers/cli.ts');
  writeFileSync(
    script,
    `import { runEnvironmentProgram } from ${JSON.stringify(programFile)};\n` +
      `void runEnvironmentProgram(() => (${JSON.stringify(trial.environment)}) as never, process.argv);\n`,
  );
  const child = spawn(process.execPath, ['--import', tsx, script, ...args, '--state-dir', trial.stateDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = guardProcess(child.pid!);
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
    stream.setEncoding('utf8').reduce((all: string, part: string) => all + part, ''),
  );
  const ended = once(child, 'close').then(async ([code]) => {
    release();
    return { code: code as number | null, stdout: await stdout!, stderr: await stderr! };
  });
  return { pid: child.pid!, ended };
}
