import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolKinds } from '../../environments/engine.ts';
import { defaultImages } from '../../environments/images.ts';

/** Runs a program to its end, with the variables of whoever runs the tests. */
export function run(program: string, words: readonly string[], { cwd, timeoutMs }: { cwd?: string; timeoutMs?: number } = {}) {
  const env = { ...process.env, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' };
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28, timeout: timeoutMs });
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** What a program prints. @throws {Error} with what it said, when it fails. */
export function output(program: string, words: readonly string[], options?: Parameters<typeof run>[2]): string {
  const { status, stdout, stderr } = run(program, words, options);
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.slice(0, 3).join(' ')} ended with ${status}:\n${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`);
}

export const docker = (...words: readonly string[]): string => output('docker', words).trim();

/** The lines of what docker lists. */
export function listed(...words: readonly string[]): string[] {
  return docker(...words)
    .split('\n')
    .filter((line) => line !== '');
}

/** Images of an environment without tools, which come from elsewhere. */
const needed = Object.entries(defaultImages).flatMap(([key, image]) => ((toolKinds as readonly string[]).includes(key) ? [] : [image]));

/** Why there is no engine with the images that servers run in, or undefined when there is one. */
export function imagesAreMissing(): string | undefined {
  if (run('docker', ['version']).status !== 0) return 'no Docker engine answers (DOCKER_HOST, or the socket that docker takes by default)';
  const missing = needed.filter((image) => run('docker', ['image', 'inspect', image]).status !== 0);
  return missing.length > 0 ? `the engine has not ${missing.join(' and ')}; make images builds them` : undefined;
}

/** Why no environment can be deployed here, or undefined when one can. */
export function deployingIsImpossible(): string | undefined {
  const missing = imagesAreMissing();
  if (missing !== undefined || providerIsInReach()) return missing;
  return 'terraform finds no provider kreuzwerker/docker, neither in its registry nor in a mirror (TF_CLI_CONFIG_FILE)';
}

const registryTimeoutMs = 60_000;

function providerIsInReach(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-provider-'));
  const required = { docker: { source: 'kreuzwerker/docker', version: '3.6.2' } };
  try {
    writeFileSync(join(folder, 'main.tf.json'), JSON.stringify({ terraform: { required_providers: required } }));
    return run('terraform', ['init', '-input=false'], { cwd: folder, timeoutMs: registryTimeoutMs }).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
