import type { EnvironmentIdentity } from './identity.ts';

/** Tags of every resource of a stack, given once to the provider. */
export function defaultTags({ name }: EnvironmentIdentity, stack: string): Record<string, string> {
  return { 'millrace:environment': name, 'millrace:stack': stack, 'managed-by': 'millrace' };
}
