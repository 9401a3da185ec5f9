import { createHash } from 'node:crypto';
import { environment, environments } from '../../environments/index.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

/** Longer than any policy: user data of a machine, the topology document. Their sources are reviewed where they stand. */
const longestText = 4_000;

/**
 * The plan of every AWS environment as a reviewer reads it, a file a stack: `tests/stacks/plans/staging-cache.json`.
 *
 * Keys are sorted, policies are shown as documents, values of other stacks as `STACK: VALUE`, and long texts by their length and hash. Outputs that only
 * carry a value to another stack are left out. A change of a declaration or a construct shows as a change of these files; `make generate` writes them.
 */
export function reviewedPlans(): Record<string, string> {
  const onAws = Object.keys(environments)
    .map(environment)
    .filter(({ engine }) => engine.kind === 'aws');
  return inTemporaryFolder((outDir) => {
    const { app, stacks } = planOf({ environments: onAws, state: { kind: 'local' }, outDir });
    app.synth();
    return Object.fromEntries(
      stacks.map(({ node: { id } }) => [
        `tests/stacks/plans/${id}.json`,
        `${JSON.stringify(readable(Template.read(outDir, id).plan()), null, 2)}\n`,
      ]),
    );
  });
}

function readable(value: unknown): unknown {
  if (typeof value === 'string') return readableText(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, readable(inner)]));
}

/** A value of another stack, as the framework writes it: 130 characters of which two words matter. */
const fromOtherStack = /data\.terraform_remote_state\.cross-stack-reference-input-([\w-]+)\.outputs\.cross-stack-output-/g;

function readableText(text: string): unknown {
  if (text.length > longestText) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
    return `${text.length} characters, SHA-256 ${hash}...`;
  }
  const short = text.replaceAll(fromOtherStack, '$1: ');
  if (!short.startsWith('{"')) return short;
  try {
    return readable(JSON.parse(short));
  } catch {
    // An expression of Terraform that only begins like a document.
    return short;
  }
}
