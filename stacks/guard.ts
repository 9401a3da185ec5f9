import { Command } from 'commander';
import { environment } from '../environments/index.ts';
import { isMillraceError } from '../runtime/src/contracts/errors.ts';
import { type Findings, findLosses, type Loss } from './losses.ts';

const refused = 2;

interface Options {
  readonly outDir: string;
  readonly terraform: string;
  readonly destroy?: boolean;
  readonly json?: boolean;
}

/** What `make deploy` and `make destroy` ask before anything is applied: does what holds data survive it? */
function main(): void {
  const command = new Command('guard')
    .description('Refuses to deploy or destroy a protected environment where something that holds data would be lost. Applies nothing.')
    .argument('<environment>', 'name of the environment, which is synthesized already')
    .option('--destroy', 'all of the environment is to go, not only what the plan no longer holds')
    .option('--out-dir <folder>', 'where the plan was written', 'cdktf.out')
    .option('--terraform <program>', 'program to run', 'terraform')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', '\nProgress goes to standard error.\n\nExit codes: 0 ok, 1 failed, 2 refused.')
    .parse();
  const [name = ''] = command.args;
  const { json, ...options } = command.opts<Options>();
  const { protection } = environment(name);
  const onProgress = (sentence: string): void => console.error(sentence);
  const found: Findings = protection.deletion ? findLosses({ environment: name, ...options, onProgress }) : { losses: [], forgotten: [] };
  console.log(
    json
      ? JSON.stringify({ environment: name, protected: protection.deletion, ...found })
      : linesOf(name, protection.deletion, found).join('\n'),
  );
  if (found.losses.length > 0) process.exitCode = refused;
}

function linesOf(name: string, isProtected: boolean, { losses, forgotten }: Findings): string[] {
  if (!isProtected) return [`${name}: protection.deletion is false, so nothing is held back`];
  const left = forgotten.map(
    ({ file, holdsData }) =>
      `${file} is the state of a stack that ${name} no longer has${holdsData ? ', and holds data' : ''}: nothing deploys or destroys it`,
  );
  return [...left, ...(losses.length === 0 ? [`${name}: nothing that holds data would be lost`] : refusal(name, losses))];
}

function refusal(name: string, losses: readonly Loss[]): string[] {
  return [
    `${name}: refused, because protection.deletion is true and ${losses.length} that hold data would be lost; nothing was applied`,
    ...losses.map(
      ({ stack, address, service, happens, because }) => `  - ${stack}: ${address} of ${service} would be ${happens}: ${because}`,
    ),
    'To lose them: set protection.deletion to false, deploy that alone, then do this again.',
    'To keep them: put back what was declared. Where the same server has a new address only, give it that one first:',
    '  terraform -chdir=cdktf.out/stacks/STACK state mv OLD_ADDRESS NEW_ADDRESS',
    'To keep one that Millrace shall know no longer: terraform -chdir=cdktf.out/stacks/STACK state rm ADDRESS',
  ];
}

try {
  main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(isMillraceError(error) ? `${error.code}: ${error.message}` : error.message);
  process.exitCode = 1;
}
