import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { differences, installSuccessor, lineOf, successor, synthesizeAsIs, synthesizeWithSuccessor } from './leg.ts';

/** Says what would change in the plans with the successor of cdktf, without changing anything here. */
const { json } = new Command('cdktn')
  .description('Renames the imports of cdktf to cdktn in a scratch copy, synthesizes both and lists the differences of the plans.')
  .option('--json', 'print one JSON object on standard output')
  .addHelpText('after', '\nExit codes: 0 no difference, 1 failed, 2 differences.')
  .parse()
  .opts<{ json?: boolean }>();

const folder = mkdtempSync(join(tmpdir(), 'millrace-cdktn-'));
try {
  console.error(
    `installing ${Object.entries(successor)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
  );
  installSuccessor(folder);
  const after = synthesizeWithSuccessor(folder);
  const found = differences(synthesizeAsIs(join(folder, 'before')), after);
  console.log(
    json ? JSON.stringify({ successor, stacks: Object.keys(after), differences: found }) : found.map(lineOf).join('\n') || 'no difference',
  );
  process.exitCode = found.length === 0 ? 0 : 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
