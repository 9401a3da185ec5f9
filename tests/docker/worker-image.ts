import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../repository/repository.ts';

export const dockerfile = 'docker/worker/Dockerfile';
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

/** Paths that the image takes from the repository, not from another stage. */
export function copiedPaths(): string[] {
  const copies = read(dockerfile).matchAll(/^COPY (?!--from)(.+)$/gm);
  return [...copies].flatMap(([, words = '']) => words.split(' ').slice(0, -1));
}

/** What the ignore file lets through, where it shuts out everything first. */
export function admittedPaths(): string[] {
  const lines = read(`${dockerfile}.dockerignore`).split('\n');
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*') throw new Error(`the first rule must be *, got ${rules[0]}`);
  return rules.slice(1).map((rule) => rule.replace(/^!/, ''));
}

/** What the worker's package installs, by name. */
export function workerDependencies(): Record<string, string> {
  return (JSON.parse(read('docker/worker/package.json')) as { dependencies: Record<string, string> }).dependencies;
}

/** Clients that the program of `command` may load: those named in the modules that its file reaches. */
export function loadedClients(command: string): string[] {
  const seen = new Set<string>();
  const visit = (path: string): string[] => {
    if (seen.has(path)) return [];
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    const modules = [...text.matchAll(/^(?:import|export) (?!type\b)[^;]*? from '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm)];
    const clients = [...text.matchAll(/loadPeer\(\s*'([^']+)'/g)].map(([, name = '']) => name);
    return [...clients, ...modules.flatMap(([, fixed, lazy]) => visit(join(dirname(path), fixed ?? lazy ?? '')))];
  };
  return [...new Set(visit(join(repository, 'runtime/src/cli', `${command}.ts`)))].sort();
}

/** Runs a program of the image's folder, or docker; the Dockerfile needs BuildKit, which older ones ask to be switched on. */
export function run(program: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(program, words, {
    ...{ cwd: repository, encoding: 'utf8' as const, maxBuffer: 1 << 26 },
    env: { ...process.env, DOCKER_BUILDKIT: '1' },
  });
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** The image to build on: `MILLRACE_NODE_IMAGE`, or the Dockerfile's own. */
export const nodeImage = process.env.MILLRACE_NODE_IMAGE ?? /^ARG NODE_IMAGE=(.+)$/m.exec(read(dockerfile))?.[1] ?? '';

/** Whether an image can be built here: docker answers, and has what the image stands on. */
export function dockerIsReady(): boolean {
  return existsSync(join(repository, dockerfile)) && run('docker', 'image', 'inspect', nodeImage).status === 0;
}
