import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod/mini';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { servicesOf, type Topology } from '../../runtime/src/contracts/topology.ts';
import type { OnProgress } from './progress.ts';

/** The program `millrace`, compiled; used by path, because the engine and the package share contracts only. */
const builtProgram = resolve(__dirname, '../../runtime/dist/cli/main.js');

/** What `millrace apply --json` prints, as far as it is used here. */
const documentSchema = z.object({
  status: z.string(),
  services: z.array(z.object({ service: z.string(), status: z.string() })),
  elapsedMs: z.number(),
});

/** How the topology was applied. */
export interface Applied extends z.infer<typeof documentSchema> {
  /** 0 the servers are as declared; 1 something failed; 2 something waits for a person. */
  readonly exitCode: number;
  /** Does it again. */
  readonly command: readonly string[];
}

/** @throws {MillraceError} RUNTIME_NOT_BUILT when the topology has objects and the program that makes them is not there. */
export function requireProgram(topology: Topology, program = builtProgram): void {
  if (servicesOf(topology).length === 0 || existsSync(program)) return;
  throw new MillraceError(
    'RUNTIME_NOT_BUILT',
    `${program}, which applies the topology, is not there; run make build, or up with --no-apply`,
  );
}

export interface ApplyWork {
  readonly topology: Topology;
  readonly bindingFile: string;
  /** @default the one of this repository */
  readonly program?: string | undefined;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `millrace apply` on what is bound; undefined when the topology has no objects. Aborting ends it between two changes. */
export async function applyTopology({
  topology,
  bindingFile,
  program = builtProgram,
  onProgress,
  signal,
}: ApplyWork): Promise<Applied | undefined> {
  if (servicesOf(topology).length === 0) return undefined;
  const command = [program, 'apply', '--binding', bindingFile];
  const child = spawn(process.execPath, [...command, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => void child.kill('SIGTERM');
  signal?.addEventListener('abort', end, { once: true });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  createInterface(child.stderr).on('line', (line) => onProgress({ event: 'apply', line }));
  const [code] = (await once(child, 'close')) as [number | null];
  signal?.removeEventListener('abort', end);
  signal?.throwIfAborted();
  // A program that ended without its document has said why on standard error.
  const document = stdout === '' ? { status: 'failed', services: [], elapsedMs: 0 } : documentSchema.parse(JSON.parse(stdout));
  return { ...document, exitCode: code ?? 1, command: ['node', ...command] };
}
