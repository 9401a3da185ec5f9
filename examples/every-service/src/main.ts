import { parseArgs } from 'node:util';
import { loadBinding } from 'millrace/binding';
import { createHealth, type HealthReport, startHealthServer } from 'millrace/health';
import { startGrpcHealth } from 'millrace/health/grpc';
import { closeAll, reachAll } from './reach.ts';

const usage = `Usage: npx tsx examples/every-service/src/main.ts [options]

Connects to every service of the binding that MILLRACE_BINDING names and says how each is.

  --serve     go on, and serve the health on 127.0.0.1: HTTP on port 9000, gRPC on 9001
  --json      print one JSON document
  --help      this text

Exit codes: 0 all are up, 1 one cannot be reached, 2 one is degraded or down.
`;

const options = { serve: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;

await main().catch(explain);

async function main(): Promise<void> {
  const { values: flags } = parseArgs({ options });
  if (flags.help) process.stdout.write(usage);
  else await run(flags);
}

async function run(flags: { readonly serve?: boolean; readonly json?: boolean }): Promise<void> {
  const binding = await loadBinding();
  const reached = await reachAll(binding);
  try {
    const health = createHealth({ checks: reached.map(({ check }) => check) });
    const report = await health.report();
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : linesOf(binding.document.environment, report));
    if (report.status !== 'up') process.exitCode = 2;
    if (flags.serve) await serve(health);
  } finally {
    await closeAll(reached);
  }
}

/** Until a signal: the orchestrator is told first, so that it sends no new work while the old is finished. */
async function serve(health: ReturnType<typeof createHealth>): Promise<void> {
  await using http = await startHealthServer({ health, host: '127.0.0.1', port: 9000 });
  await using grpc = await startGrpcHealth({ health, host: '127.0.0.1', port: 9001 });
  await new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  http.drain();
  grpc.drain();
}

function linesOf(environment: string, { status, checks }: HealthReport): string {
  const lines = checks.map(({ name, status: one, durationMs, reason }) =>
    `${name.padEnd(12)} ${one.padEnd(10)} ${durationMs} ms  ${reason ?? ''}`.trimEnd(),
  );
  return `${lines.join('\n')}\n${environment} is ${status}\n`;
}

function explain(error: unknown): void {
  const reasons = error instanceof AggregateError ? error.errors : [error];
  for (const reason of reasons) process.stderr.write(`${reason instanceof Error ? reason.message : String(reason)}\n`);
  process.exitCode = 1;
}
