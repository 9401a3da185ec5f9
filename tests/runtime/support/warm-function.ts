import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';
import type { Invocation } from './lambda.ts';

/** A process of Lambda's, which serves one invocation after the other. */
export interface WarmFunction {
  /** @param remainingMs what Lambda gives it. @default 50_000 */
  invoke(event: object, remainingMs?: number): Promise<Invocation>;
  /** Has it stand still, as Lambda does between invocations. */
  freeze(): void;
  thaw(): void;
  end(): Promise<void>;
}

/** What Lambda's own program does around a handler: an event a line, and an outcome after whatever the handler wrote. */
const around = `
import { createInterface } from 'node:readline';
const { handler } = await import(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { event, remainingMs } = JSON.parse(line);
  const endsAt = Date.now() + remainingMs;
  const outcome = await handler(event, { getRemainingTimeInMillis: () => endsAt - Date.now() }).then(
    (answer) => ({ answer }),
    ({ name, message }) => ({ error: { errorType: name, errorMessage: message } }),
  );
  process.stdout.write(JSON.stringify({ outcome }) + '\\n');
}
process.exit();
`;

/** Starts the function whose handler is in `file`. */
export async function startWarmFunction(file: string, env: Readonly<Record<string, string>>): Promise<WarmFunction> {
  const program = join(file, '..', 'around-warm.mjs');
  await writeFile(program, around);
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [program, file], {
    env: { PATH, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const release = guardProcess(child.pid!);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      release();
      resolve();
    });
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  return {
    async invoke(event, remainingMs = 50_000) {
      const startedAt = Date.now();
      child.stdin.write(`${JSON.stringify({ event, remainingMs })}\n`);
      const at = await eventually(() => lines.findIndex((line) => 'outcome' in line) + 1 || undefined, {
        what: 'the function has answered',
        timeoutMs: remainingMs + 10_000,
      });
      const told = lines.splice(0, at);
      const { outcome } = told.pop() as { outcome: Pick<Invocation, 'answer' | 'error'> };
      return { ...outcome, log: told, elapsedMs: Date.now() - startedAt };
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async end() {
      child.kill('SIGCONT');
      child.stdin.end();
      await ended;
    },
  };
}
