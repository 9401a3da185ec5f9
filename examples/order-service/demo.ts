import { help, type Options, parseOptions } from './demo/options.ts';
import { Progress } from './demo/progress.ts';
import { paintFor, type Result, table } from './demo/report.ts';
import { runDemo } from './demo/run.ts';

/** Aborts at the first signal; further ones only say that the stop is under way. */
function interruption(progress: Progress): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) progress.step('still stopping, nothing is to be left running');
      controller.abort(new Error(`interrupted by ${signal}`));
    });
  }
  return controller.signal;
}

async function main(options: Options): Promise<number> {
  const progress = new Progress();
  const interrupted = interruption(progress);
  try {
    const result: Result = await runDemo(options, progress, interrupted);
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `\n${table(result, paintFor(process.stdout))}`);
    return result.broken.length === 0 ? 0 : 1;
  } catch (error) {
    if (interrupted.aborted) {
      progress.step((interrupted.reason as Error).message);
      return 130;
    }
    throw error;
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(help);
  else process.exitCode = await main(options);
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
