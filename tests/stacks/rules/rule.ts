import type { EnvironmentIdentity } from '../../../constructs/core/identity.ts';
import type { Config, StackContent } from './content.ts';

/** What every stack of every environment on AWS must keep to. */
export interface Rule {
  readonly id: string;
  readonly what: string;
  /** A sentence for each place that breaks it. */
  readonly violations: (stack: StackContent) => readonly string[];
  /** Stacks that break it, each in one way, so that the rule is seen to fail. */
  readonly planted: readonly Planted[];
}

export interface Planted extends Config {
  /** @default a protected environment */
  readonly identity?: Partial<EnvironmentIdentity>;
}

/** A resource to plant. */
export function resource(type: string, args: Readonly<Record<string, unknown>>): Planted {
  return { resource: { [type]: { planted: args } } };
}
