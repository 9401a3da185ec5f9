import type { Ask } from './ask.ts';
import { policyProperties } from './comparable.ts';
import { describe, markFor, markIn } from './marks.ts';
import type { Body } from './model.ts';

interface StoredPolicy {
  readonly _id: string;
  readonly _seq_no: number;
  readonly _primary_term: number;
  readonly policy: Body;
}

interface Template extends Body {
  readonly index_patterns: readonly string[];
}

/**
 * Takes patterns away from lifecycles of ours: an index has one, and the server refuses a second one of the same priority for it.
 *
 * @param except the lifecycle that is to have them.
 */
export async function releasePatterns(ask: Ask, patterns: readonly string[], except?: string): Promise<void> {
  const { policies = [] } = (await ask('GET', '/_plugins/_ism/policies?size=10000')) as { policies?: readonly StoredPolicy[] };
  for (const { _id, _seq_no, _primary_term, policy } of policies) {
    const templates = templatesOf(policy);
    const isHolder = templates.some(({ index_patterns }) => index_patterns.some((pattern) => patterns.includes(pattern)));
    if (_id === except || !isHolder || markIn(policy.description) === undefined) continue;
    const path = `/_plugins/_ism/policies/${encodeURIComponent(_id)}?if_seq_no=${_seq_no}&if_primary_term=${_primary_term}`;
    await ask('PUT', path, { policy: without(policy, templates, patterns) });
  }
}

function templatesOf({ ism_template }: Body): readonly Template[] {
  return Array.isArray(ism_template) ? (ism_template as Template[]) : ism_template == null ? [] : [ism_template as Template];
}

/** With a new mark, unless others have changed the policy: that must still be seen. */
function without(policy: Body, templates: readonly Template[], patterns: readonly string[]): Body {
  const left = templates.map((template) => ({
    ...template,
    index_patterns: template.index_patterns.filter((pattern) => !patterns.includes(pattern)),
  }));
  const released = { ...policy, ism_template: left.filter(({ index_patterns }) => index_patterns.length > 0) };
  const isAsWritten = markIn(policy.description) === markFor(policyProperties(policy));
  return isAsWritten ? { ...released, description: describe('Declared in the topology', markFor(policyProperties(released))) } : released;
}
