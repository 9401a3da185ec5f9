import { Command } from 'commander';
import { environment, environments } from '../environments/index.ts';
import { isMillraceError } from '../runtime/src/contracts/errors.ts';
import { planOf } from './app.ts';
import type { StateLocation } from './state.ts';
import { linesOf, summaryOf } from './summary.ts';

const stateIsHere =
  'state is a file on this machine, in .millrace/; set MILLRACE_STATE_BUCKET to a bucket before you deploy what others share';

/** The app of cdktf, and the program behind `make synth`. Of the provisioning side, this file alone reads the environment of the process. */
function main(): void {
  const command = new Command('synth')
    .description('Writes the Terraform plan of the declared environments, or of the one that the variable ENV names, into cdktf.out.')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText(
      'after',
      `
Environment:
  ENV                    one of ${Object.keys(environments).join(', ')} (all of them when unset)
  MILLRACE_STATE_BUCKET  bucket for Terraform's state; {account} and {region} in it are replaced (files in .millrace/ENV when unset)
  CDKTF_OUTDIR           folder to write into (cdktf.out when unset)

Exit codes: 0 ok, 1 failed.`,
    )
    .parse();
  const { json } = command.opts<{ json?: boolean }>();
  const state = stateFrom(process.env.MILLRACE_STATE_BUCKET);
  const planned = chosen(process.env.ENV);
  const plan = planOf({ environments: planned, state, declared: Object.values(environments) });
  plan.app.synth();
  const summary = summaryOf(plan, planned);
  for (const sentence of summary.leftOut) console.error(sentence);
  if (state.kind === 'local' && summary.stacks.length > 0) console.error(stateIsHere);
  console.log(json ? JSON.stringify(summary) : linesOf(summary).join('\n'));
}

function chosen(name: string | undefined) {
  return (name === undefined || name === '' ? Object.keys(environments) : [name]).map(environment);
}

function stateFrom(bucket: string | undefined): StateLocation {
  return bucket === undefined || bucket === '' ? { kind: 'local' } : { kind: 's3', bucket };
}

try {
  main();
} catch (error) {
  if (!isMillraceError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
