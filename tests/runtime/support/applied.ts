import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBinding } from '../../../runtime/src/binding/index.ts';
import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { connectRabbit } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { type ApplyOptions, type ApplyOutcome, applyTopology } from '../../../runtime/src/topology/apply.ts';
import { readTopology } from '../../../runtime/src/topology/index.ts';
import { guardProcess } from '../../support/guard.ts';
import { builtCli } from './cli.ts';

/** Writes `topology` beside the binding in `folder`, and a binding that means it. @returns its path */
export function bindingWith(folder: string, topology: TopologyInput): string {
  const text = canonicalJson(topologySchema.parse(topology));
  const hash = createHash('sha256').update(text).digest('hex');
  const location = `topology-${hash.slice(0, 8)}.json`;
  writeFileSync(join(folder, location), text);
  const file = join(folder, `binding-${hash.slice(0, 8)}.json`);
  const binding = JSON.parse(readFileSync(join(folder, 'binding.json'), 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...binding, topology: { hash, location } }));
  return file;
}

export interface ProgramEnd {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The document, where there is one. */
  readonly outcome?: ApplyOutcome;
  readonly elapsedMs: number;
}

let built: Promise<string> | undefined;

/** The program `millrace apply --json`. @param onTold gets the lines of its progress, and a way to kill it */
export async function applyProgram(
  bindingFile: string,
  args: readonly string[] = [],
  onTold: (lines: number, kill: (signal?: NodeJS.Signals) => void) => void = () => {},
): Promise<ProgramEnd> {
  built ??= builtCli();
  const program = await built;
  const startedAt = Date.now();
  const child = spawn(process.execPath, [program, 'apply', '--binding', bindingFile, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = guardProcess(child.pid!);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    onTold(output.stderr.split('\n').length - 1, (signal = 'SIGKILL') => void child.kill(signal));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  release();
  const { stdout } = output;
  return { code, ...output, elapsedMs: Date.now() - startedAt, ...(stdout !== '' && { outcome: JSON.parse(stdout) as ApplyOutcome }) };
}

/** The program without `--json`, before a reader that goes away after the first line, as `head -1` does. */
export async function applyBeforeHead(bindingFile: string): Promise<Pick<ProgramEnd, 'code' | 'stderr'>> {
  const child = spawn(process.execPath, [await builtCli(), 'apply', '--binding', bindingFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  const release = guardProcess(child.pid!);
  child.stdout.once('data', () => child.stdout.destroy());
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  release();
  return { code, stderr };
}

/** The same without a process of its own. */
export async function apply(bindingFile: string, options: Omit<ApplyOptions, 'binding' | 'topology'> = {}): Promise<ApplyOutcome> {
  const binding = await loadBinding({ file: bindingFile });
  return applyTopology({ binding, topology: await readTopology(binding), ...options });
}

/** What there was to do, as `ACTION SERVICE/KIND/NAME STATE`. */
export function changesOf({ services }: ApplyOutcome): string[] {
  return services.flatMap(({ changes }) => changes.map(({ name, action, state }) => `${action} ${name} ${state}`));
}

/** What is not as declared on the servers of the binding: changes, problems and errors. */
export async function differencesOn(bindingFile: string): Promise<string[]> {
  const outcome = await apply(bindingFile, { check: true });
  const problems = outcome.services.flatMap(({ notes }) => notes.filter(({ level }) => level === 'problem'));
  const errors = outcome.services.flatMap(({ error }) => (error === undefined ? [] : [`${error.code}: ${error.message}`]));
  return [...changesOf(outcome), ...problems.map(({ name, sentence }) => `${name}: ${sentence}`), ...errors];
}

/** Hands for changing things behind the back of `millrace apply`. */
export async function handsOn(bindingFile: string) {
  const binding = await loadBinding({ file: bindingFile });
  const [kafka, rabbit, redis] = await Promise.all([
    connectKafka(binding.service('log', 'kafka')),
    connectRabbit(binding.service('tasks', 'rabbitmq')),
    connectRedis(binding.service('events', 'redis', 'redis-sentinel')),
  ]);
  return {
    admin: await kafka.admin(),
    channel: await rabbit.openChannel(),
    redis: redis.client,
    close: () => Promise.all([kafka, rabbit, redis].map((connection) => connection.close())),
  };
}
