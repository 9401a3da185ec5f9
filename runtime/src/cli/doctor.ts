import { Command } from 'commander';
import { examineServices } from '../doctor/index.ts';
import { exitCodeOf, type ServiceReport } from '../doctor/report.ts';
import { names, seconds } from './arguments.ts';
import { type BindingFlags, bindingOf, withBinding } from './binding.ts';
import { doctorTable } from './doctor-table.ts';
import { endSoon, report } from './outcome.ts';
import { painting } from './painting.ts';

interface Flags extends BindingFlags {
  readonly only?: readonly string[];
  readonly timeout: number;
  readonly json: boolean;
}

const examples = `
Examples:
  millrace doctor                                            every service of the binding: state, latency, version, and what is wrong with the way out
  millrace doctor --only events,log --timeout 5              two services, 5 s for each
  millrace doctor --binding ssm:/millrace/staging/binding    an environment on AWS, from where its servers can be reached
  millrace doctor --json | jq -r '.services[].problems[] | .code'

It changes nothing. Exit codes: 0 all is well; 2 a problem was found, with its way out; 1 it could not look: there is no binding, --only names no service, or
something is missing here (AWS credentials, a client library), the rest is told.`;

/** `millrace doctor`: what is wrong with the services of a binding, and the way out. */
export function doctorCommand(): Command {
  return withBinding(new Command('doctor'))
    .description('examine every service of the binding, and tell of each problem the way out; exit code 2 when there is one')
    .option('--only <services>', 'these services of the binding (default: all)', names)
    .option('--timeout <seconds>', 'what the examination of one service may take', seconds, 15)
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', examples)
    .action((flags: Flags) => run(flags).finally(endSoon));
}

async function run({ only, timeout, json, ...flags }: Flags): Promise<void> {
  const binding = await bindingOf(flags);
  const progress = progressOf((only ?? binding.names).length);
  const outcome = await examineServices({ binding, only, timeoutMs: timeout * 1_000, onService: progress.tell }).finally(progress.end);
  report(json, outcome, doctorTable(outcome, painting(process.stdout)));
  process.exitCode = exitCodeOf(outcome.status);
}

/** One line that is written over, for who waits at a terminal. */
function progressOf(all: number): { tell(service: ServiceReport): void; end(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { tell: () => undefined, end: () => undefined };
  let done = 0;
  const show = (text: string) => stderr.write(`\r\u001B[K${text}`);
  show(`looking at ${all} services`);
  return {
    tell({ service }) {
      done += 1;
      show(`${done} of ${all} services examined, ${service} last`);
    },
    end: () => void show(''),
  };
}
