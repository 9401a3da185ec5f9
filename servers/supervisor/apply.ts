import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as z from 'zod/mini';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { servicesOf, type Topology } from '../../runtime/src/contracts/topology.ts';
import { builtProgram } from '../built-program.ts';
import type { OnProgress } from './progress.ts';

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

/** What `up` is about to do with the program. */
interface ProgramUse {
  /** Objects are to be made, when there are any. */
  readonly topology: Topology | undefined;
  /** Services are to be looked at. */
  readonly probes: boolean;
  /** @default the one of this repository */
  readonly program?: string | undefined;
}

/** @throws {MillraceError} RUNTIME_NOT_BUILT when the program is needed and not there. */
export function requireProgram({ topology, probes, program = builtProgram }: ProgramUse): void {
  const applies = topology !== undefined && servicesOf(topology).length > 0;
  if ((!applies && !probes) || existsSync(program)) return;
  const [what, without] = applies
    ? ['applies the topology', 'up with --no-apply']
    : ['looks at the services', 'up with --only and no Prometheus'];
  throw new MillraceError('RUNTIME_NOT_BUILT', `${program}, which ${what}, is not there; run make build, or ${without}`);
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
