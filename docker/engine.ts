import type { LaunchSpec } from '../servers/local-process/launch.ts';
import { runToEnd, runToGoodEnd } from '../servers/local-process/run.ts';

/** Where images are built. */
export interface Engine {
  readonly cwd: string;
  /** What docker says is appended here. */
  readonly logFile: string;
  readonly signal: AbortSignal;
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/**
 * Runs a program to its end, docker as a rule.
 *
 * @param what for the message: `image millrace/redis:0.1.0 could not be built`
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what it said.
 */
export function run(engine: Engine, what: string, program: string, ...args: readonly string[]): Promise<void> {
  return runToGoodEnd(specOf(engine, program, args), what, engine.signal);
}

/** Whether the engine has an image. */
export async function hasImage(engine: Engine, tag: string): Promise<boolean> {
  const spec = specOf(engine, 'docker', ['image', 'inspect', '--format', '{{.Id}}', tag]);
  return (await runToEnd(spec, engine.signal)).code === 0;
}

/** Makes an image of the files of a folder, and nothing else. */
export async function importFolder(engine: Engine, folder: string, tag: string): Promise<void> {
  const pipe = 'set -o pipefail; tar -C "$1" -c . | docker import - "$2"';
  await run(engine, `image ${tag} could not be made of ${folder}`, 'bash', '-c', pipe, 'import', folder, tag);
}

/** Docker finds its engine, its settings and proxies in variables of whoever calls. */
function specOf({ cwd, logFile, env }: Engine, program: string, args: readonly string[]): LaunchSpec {
  const variables = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { name: program, program, args, cwd, logFile, env: { ...Object.fromEntries(variables), ...env } };
}
