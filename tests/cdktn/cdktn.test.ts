import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { differences, installSuccessor, lineOf, synthesizeAsIs, synthesizeWithSuccessor } from './leg.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-cdktn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Its packages are not among our own: what is not needed to work is not installed for everybody. */
function isInstalled(): boolean {
  try {
    installSuccessor(folder);
    return true;
  } catch (error) {
    console.warn(`not run: the successor of cdktf could not be installed: ${(error as Error).message}`);
    return false;
  }
}
const withSuccessor = isInstalled() ? describe : describe.skip;

withSuccessor('cdktn, the successor of cdktf', () => {
  test('plans the same when nothing but imports is renamed: another provider, and not one resource', () => {
    const found = differences(synthesizeAsIs(join(folder, 'before')), synthesizeWithSuccessor(folder));
    expect(found.map(({ path }) => path)).toEqual(['terraform.required_providers.aws.source', 'terraform.required_providers.aws.version']);
  }, 120_000);
});

test('a difference is told once, with its stacks', () => {
  const plan = (nodes: number) => ({ resource: { aws_x: { a: { nodes, tags: ['one'] } } }, '//': { version: nodes } });
  const found = differences({ first: plan(1), second: plan(1), third: plan(3) }, { first: plan(2), second: plan(2), fourth: plan(4) });
  expect(found.map(lineOf)).toEqual([
    'resource.aws_x.a.nodes: 1 -> 2 (first, second)',
    `: absent -> ${JSON.stringify(plan(4))} (fourth)`,
    `: ${JSON.stringify(plan(3))} -> absent (third)`,
  ]);
});
