import { Command } from 'commander';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import { type Home, homeOf } from '../supervisor/home.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { prepare } from './prepare.ts';
import { publish } from './publish.ts';

interface Options {
  readonly manifest: string;
  readonly stateDir: string;
}

/** What the plan of a Docker environment runs on the machine: before its containers start, and when they run. */
async function main(): Promise<void> {
  const program = new Command('containers')
    .description('Keeps the files of a Docker environment; terraform runs it.')
    .addHelpText('after', '\nExit codes: 0 ok, 1 failed.');
  verb(program, 'prepare', 'write what the containers read, and passwords and certificates that are missing', (manifest, home) =>
    prepare(manifest, home, process.env),
  );
  verb(program, 'publish', 'write the binding, the topology and the dashboards', publish);
  await program.parseAsync();
}

function verb(program: Command, name: string, description: string, run: (manifest: Manifest, home: Home) => Promise<void>): void {
  program
    .command(name)
    .description(description)
    .requiredOption('--manifest <file>', 'what was planned')
    .requiredOption('--state-dir <folder>', 'folder of the environment')
    .action(async ({ manifest: file, stateDir }: Options) => {
      const manifest = readManifest(file);
      await run(manifest, homeOf(manifest.environment, stateDir, {}));
    });
}

main().catch((error: unknown) => {
  console.error(isMillraceError(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
});
