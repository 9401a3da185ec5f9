import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { runToGoodEnd } from '../local-process/run.ts';
import { onPath, type Variables } from './program.ts';

/** A Docker engine of this machine, and the client that reaches it. */
export interface DockerEngine {
  readonly docker: string;
  /** `unix:///var/run/docker.sock` */
  readonly host: string;
  readonly env: Variables;
}

/** What must be otherwise before there is one: `docker must be on PATH`. */
export interface Lacking {
  readonly lacking: string;
}

const answerTimeoutMs = 10_000;

/** The engine that DOCKER_HOST or the current context of `docker` names, when its containers can share network and folders with processes of this machine. */
export async function findDockerEngine(env: Variables, platform: string = process.platform): Promise<DockerEngine | Lacking> {
  if (platform !== 'linux') return { lacking: 'this must be Linux, where containers share the network of the machine' };
  const docker = onPath('docker', env);
  if (docker === undefined) return { lacking: 'docker must be on PATH' };
  const host = await ask({ docker, env }, 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}');
  if (host === undefined) return { lacking: 'a Docker engine must answer, and docker names none' };
  if (!host.startsWith('unix://')) return { lacking: `the Docker engine must be on this machine, got ${host}` };
  const [kernel, ...options] =
    (await ask({ docker, env }, 'info', '--format', '{{.KernelVersion}} {{.SecurityOptions}}'))?.split(' ') ?? [];
  if (!kernel) return { lacking: `a Docker engine must answer at ${host}` };
  if (kernel !== release()) return { lacking: `the Docker engine must run on this kernel, got one on ${kernel} at ${host}` };
  if (options.join(' ').includes('name=rootless'))
    return { lacking: `the Docker engine must not be rootless, which has a network of its own, got ${host}` };
  return { docker, host, env };
}

/** Whether the engine has the image. */
export async function hasImage({ docker, host, env }: DockerEngine, image: string): Promise<boolean> {
  return (await ask({ docker, env }, '--host', host, 'image', 'inspect', '--format', '{{.Id}}', image)) !== undefined;
}

/** Where what docker says is appended. */
export interface EngineLog {
  readonly cwd: string;
  readonly installLog: string;
  readonly signal?: AbortSignal | undefined;
}

/** Has the engine fetch an image. @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what docker said. */
export function pullImage(engine: DockerEngine, image: string, log: EngineLog): Promise<void> {
  return tellEngine(engine, `image ${image} could not be pulled`, ['pull', image], log);
}

/**
 * Runs docker to its end.
 *
 * @param failed for the message: `image redis:7 could not be pulled`
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what docker said.
 */
export function tellEngine(
  { docker, host, env }: DockerEngine,
  failed: string,
  words: readonly string[],
  { cwd, installLog, signal }: EngineLog,
): Promise<void> {
  // Its settings, and who it is to a registry, lie in the home folder of whoever calls.
  const home = Object.fromEntries(['HOME', 'DOCKER_CONFIG'].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const spec = { name: 'docker', program: docker, args: ['--host', host, ...words], cwd, logFile: installLog, env: home };
  return runToGoodEnd(spec, failed, signal);
}

/** What docker prints, or undefined when it fails. */
async function ask({ docker, env }: Pick<DockerEngine, 'docker' | 'env'>, ...words: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(docker, [...words], { env: { ...env }, timeout: answerTimeoutMs });
    return stdout.trim();
  } catch (error) {
    // It has run and failed, or did not answer in time.
    const { code, killed } = error as { code?: unknown; killed?: boolean };
    if (typeof code === 'number' || killed === true) return undefined;
    throw error;
  }
}
