import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentStack } from '../../constructs/core/identity.ts';
import { environment, environments } from '../../environments/index.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, testIdentity } from '../support/template.ts';
import { type StackContent, stackContent } from './rules/content.ts';
import { rules } from './rules/index.ts';

/** Every stack of every environment on AWS, whichever there are. */
const stacks: readonly StackContent[] = inTemporaryFolder((outDir) => {
  const onAws = Object.keys(environments)
    .map(environment)
    .filter(({ engine }) => engine.kind === 'aws');
  const { app, stacks: defined } = planOf({ environments: onAws, state: { kind: 'local' }, outDir });
  app.synth();
  const ofEnvironments = defined.filter((stack): stack is EnvironmentStack => stack instanceof EnvironmentStack);
  return ofEnvironments.map(({ node, identity }) =>
    stackContent(node.id, identity, JSON.parse(readFileSync(join(outDir, 'stacks', node.id, 'cdk.tf.json'), 'utf8'))),
  );
});

test('there are stacks of a protected environment and of another, and no two rules have one name', () => {
  expect(new Set(stacks.map(({ identity }) => identity.deletionProtection))).toEqual(new Set([true, false]));
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
});

describe.each(rules)('$what', ({ violations, planted }) => {
  test('holds in every stack', () => {
    expect(stacks.flatMap(violations)).toEqual([]);
  });

  test('fails where it is broken', () => {
    expect(planted.length).toBeGreaterThan(0);
    for (const { identity, ...config } of planted) {
      const found = violations(stackContent('planted-stack', { ...testIdentity, name: 'planted', ...identity }, config));
      expect({ config, found }).toEqual({ config, found: expect.arrayContaining([expect.any(String)]) });
    }
  });
});
