import { Command } from 'commander';
import type { Environment } from '../environments/schema.ts';
import { isMillraceError } from '../runtime/src/contracts/errors.ts';
import { names, portNumber } from './arguments.ts';
import { down, status, up } from './supervisor/index.ts';
import { Interruption, interruptible } from './supervisor/interrupt.ts';
import { Reporter } from './supervisor/report.ts';

interface Options {
  readonly env: string;
  readonly json?: boolean;
  readonly stateDir?: string;
  readonly wipe?: boolean;
  readonly portBase?: number;
  readonly only?: readonly string[];
  readonly apply?: boolean;
}

const problemFound = 2;

/**
 * The command line of the process engine.
 *
 * @param declared the environment of a name, or a throw
 */
export async function runEnvironmentProgram(declared: (name: string) => Environment, argv: readonly string[]): Promise<void> {
  const program = new Command('npm run environment --')
    .description('Runs an environment with the engine `process`: its servers as processes of this machine.')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 status found a server that is not up, or up left a change to you, 130 or 143 interrupted.',
    );

  verb(
    program,
    'up',
    'start the servers that do not run yet, write the binding, and apply the topology',
    async (name, { stateDir, portBase, only, apply }, reporter) => {
      const environment = withPortBase(declared(name), portBase);
      const result = await interruptible((signal) => up(environment, { only, stateDir, signal, apply, onProgress: reporter.progress }));
      reporter.result(result);
      process.exitCode = result.applied?.exitCode ?? 0;
    },
  )
    .option('--port-base <port>', 'first port to use (default: engine.ports.base), to run a second environment beside one', portNumber)
    .option('--only <services...>', 'start these services; what runs of the others goes on', names)
    .option('--no-apply', 'leave topics, queues and indices as they are');
  verb(program, 'down', 'stop the servers that `up` started', async (name, { stateDir, wipe }, reporter) => {
    // Half a `down` helps nobody, and it is soon over: signals wait for its end.
    reporter.result(await interruptible(() => down(declared(name), { stateDir, wipe, onProgress: reporter.progress })));
  }).option('--wipe', 'remove data, passwords, logs and binding too');
  verb(program, 'status', 'say which servers run and answer', async (name, { stateDir, only }, reporter) => {
    const found = await status(declared(name), { only, stateDir });
    reporter.result(found);
    if (!found.ok) process.exitCode = problemFound;
  }).option('--only <services...>', 'look at these services', names);
  await program.parseAsync(argv);
}

type Run = (environment: string, options: Options, reporter: Reporter) => Promise<void>;

function verb(program: Command, name: string, description: string, run: Run): Command {
  return program
    .command(name)
    .description(description)
    .argument('[environment]', 'name of the environment, as --env')
    .option('--env <name>', 'name of the environment', 'local')
    .option('--json', 'print one JSON document on standard output, and progress on standard error')
    .option('--state-dir <folder>', 'folder of state, logs and data (default: MILLRACE_STATE_DIR, else .millrace/ENV)')
    .action(async (positional: string | undefined, options: Options) => {
      const reporter = new Reporter(options.json === true);
      try {
        await run(positional ?? options.env, options, reporter);
      } catch (error) {
        reporter.failure(error);
        process.exitCode = error instanceof Interruption ? error.exitCode : 1;
        if (!isMillraceError(error) && !(error instanceof Interruption)) reporter.trace(error);
      }
    });
}

/** Lets one declaration run twice side by side, as a demonstration beside the environment of every day; servers that have a port keep it. */
function withPortBase(declared: Environment, base: number | undefined): Environment {
  return base === undefined || declared.engine.kind !== 'process'
    ? declared
    : { ...declared, engine: { ...declared.engine, ports: { base } } };
}
