import { Command } from 'commander';
import { applyTopology, exitCodeOf } from '../topology/apply.ts';
import { readTopology } from '../topology/index.ts';
import { type Failure, failureOf } from '../topology/outcome.ts';
import { idleLines, summaryOf } from '../topology/report.ts';
import { groupedProgress } from './apply-progress.ts';
import { names, seconds } from './arguments.ts';
import { type BindingFlags, bindingOf, withBinding } from './binding.ts';
import { endSoon } from './outcome.ts';
import { painting } from './painting.ts';

interface Flags extends BindingFlags {
  readonly only?: readonly string[];
  readonly check: boolean;
  readonly json: boolean;
  readonly allowDestroy: readonly string[];
  readonly timeout: number;
}

const examples = `
Examples:
  millrace apply --check                                   what differs; exit code 2 if anything does
  millrace apply                                           make the servers as declared; what costs data waits
  millrace apply --allow-destroy tasks/queue/emails        also this one change, as --check prints its name
  millrace apply --only log,tasks --json                   two services, one document on standard output

Exit codes: 0 as declared; 1 something failed or cannot be reached, the rest is done; 2 with --check: something differs, without: a change waits for
--allow-destroy, an object was changed by others, or a problem was found that no change mends. It can be stopped at any time and run again. With --json
there is always one document; that of a run which ended early has \`status\` "failed" and \`error\`.`;

/** `millrace apply`: makes topics, queues, streams, users, indices and lifecycles as the topology declares them. */
export function applyCommand(): Command {
  return withBinding(new Command('apply'))
    .description('make what lives on the servers as the topology declares it')
    .option('--only <services>', 'these services of the binding (default: all)', names)
    .option('--check', 'compare and change nothing; exit code 2 when something differs', false)
    .option('--allow-destroy <name>', 'carry this out although it costs data, or delete this undeclared object; repeatable', oneMore, [])
    .option('--timeout <seconds>', 'what one service may take to be read, and again to be changed', seconds, 60)
    .option('--json', 'print one JSON document on standard output, and progress on standard error', false)
    .addHelpText('after', examples)
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const stop = interruption();
  const out = flags.json ? process.stderr : process.stdout;
  const paint = painting(out);
  const write = (line: string): void => void out.write(`${line}\n`);
  try {
    const binding = await bindingOf(flags);
    const outcome = await applyTopology({
      binding,
      topology: await readTopology(binding),
      ...{ only: flags.only, check: flags.check, allow: flags.allowDestroy, signal: stop, timeoutMs: flags.timeout * 1_000 },
      onProgress: groupedProgress(write, paint),
    });
    for (const line of [...idleLines(outcome, paint), summaryOf(outcome, paint)]) write(line);
    if (flags.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
    process.exitCode = exitCodeOf(outcome.status);
  } catch (error) {
    if (flags.json) process.stdout.write(`${JSON.stringify({ status: 'failed', error: endOf(error) })}\n`);
    if (!(error instanceof Stopped)) throw error;
    process.stderr.write(`millrace: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } finally {
    endSoon();
  }
}

function endOf(error: unknown): Failure {
  return error instanceof Stopped ? { code: 'INTERRUPTED', message: error.message } : failureOf(error);
}

class Stopped extends Error {
  /** 128 + number of the signal, as shells report it. */
  readonly exitCode: number;

  constructor(signal: string, number: number) {
    super(`stopped by ${signal}; what was done stays, run it again for the rest`);
    this.exitCode = 128 + number;
  }
}

/** The first SIGINT or SIGTERM ends the work between two changes, a second one the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Stopped('SIGINT', 2)));
  process.once('SIGTERM', () => controller.abort(new Stopped('SIGTERM', 15)));
  return controller.signal;
}

function oneMore(name: string, before: readonly string[]): string[] {
  return [...before, name];
}
