import { interruption } from './interruption.ts';
import { type Paint, paintFor } from './paint.ts';
import { Progress } from './progress.ts';

/** A program that shows something on real servers, and says what did not hold. */
export interface Show<Options extends { readonly json: boolean }, Result extends { readonly broken: readonly string[] }> {
  readonly name: string;
  readonly help: string;
  /** Undefined when help is asked for. @throws {TypeError} naming the flag that is wrong. */
  parseOptions(args: readonly string[]): Options | undefined;
  run(options: Options, progress: Progress, signal: AbortSignal): Promise<Result>;
  table(result: Result, paint: Paint): string;
}

/** Runs it as the command line asks; sets the exit code: 0 everything held, 1 something did not or it failed, 130 interrupted. */
export async function main<Options extends { readonly json: boolean }, Result extends { readonly broken: readonly string[] }>(
  show: Show<Options, Result>,
): Promise<void> {
  try {
    const options = show.parseOptions(process.argv.slice(2));
    if (options === undefined) process.stdout.write(show.help);
    else process.exitCode = await perform(show, options);
  } catch (error) {
    process.stderr.write(`${show.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function perform<Options extends { readonly json: boolean }, Result extends { readonly broken: readonly string[] }>(
  show: Show<Options, Result>,
  options: Options,
): Promise<number> {
  const progress = new Progress();
  const interrupted = interruption(progress);
  try {
    const result = await show.run(options, progress, interrupted);
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `\n${show.table(result, paintFor(process.stdout))}`);
    return result.broken.length === 0 ? 0 : 1;
  } catch (error) {
    if (!interrupted.aborted) throw error;
    progress.step((interrupted.reason as Error).message);
    return 130;
  }
}
