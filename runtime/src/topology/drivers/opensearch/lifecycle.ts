import { awsPhases } from './lifecycle-aws.ts';
import { selfHostedPhases } from './lifecycle-self-hosted.ts';
import type { Body } from './model.ts';
import type { LifecyclePlan } from './phases.ts';

/** Above what others are likely to give to templates of theirs; equal ones that overlap are refused by the server. */
export const priority = 500;

/** The policy of Index State Management, without its description. */
export function policyOf(plan: LifecyclePlan, hosting: 'self-hosted' | 'aws', patterns: readonly string[]): Body {
  const phases = hosting === 'aws' ? awsPhases(plan) : selfHostedPhases(plan);
  return {
    default_state: phases[0]!.name,
    states: phases.map(({ name, actions, until }, index) => ({ name, actions, transitions: transitionsTo(phases[index + 1], until) })),
    ism_template: [{ index_patterns: patterns, priority }],
  };
}

function transitionsTo(next: { readonly name: string } | undefined, conditions: Body | undefined): readonly Body[] {
  return next === undefined ? [] : [{ state_name: next.name, ...(conditions && { conditions }) }];
}

/** Days after which a policy deletes; undefined when it never does. */
export function deleteDaysOf(policy: Body): number | undefined {
  const states = (policy.states ?? []) as readonly { name: string; actions?: readonly Body[]; transitions?: readonly Transition[] }[];
  const deleting = new Set(
    states.filter(({ actions = [] }) => actions.some((each) => 'delete' in each || 'cold_delete' in each)).map(({ name }) => name),
  );
  const ages = states
    .flatMap(({ transitions = [] }) => transitions)
    .filter(({ state_name }) => deleting.has(state_name))
    .map(({ conditions = {} }) => ageIn(conditions));
  return ages.length === 0 ? undefined : Math.min(...ages);
}

interface Transition {
  readonly state_name: string;
  readonly conditions?: Body;
}

const dayPerUnit: Readonly<Record<string, number>> = { d: 1, h: 1 / 24, m: 1 / 1_440, s: 1 / 86_400 };

/** Without a condition the index leaves at once. */
function ageIn({ min_rollover_age, min_index_age }: Body): number {
  const [, amount, unit] = /^(\d+)([dhms])$/.exec(String(min_rollover_age ?? min_index_age ?? '0d')) ?? [];
  return amount === undefined ? 0 : Number(amount) * dayPerUnit[unit!]!;
}
