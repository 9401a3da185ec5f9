/** Parts of an environment that change at different rates, each a stack `ENV-PART`. `platform` is the one stack of a Docker environment. */
const stackParts = ['network', 'cache', 'search', 'messaging', 'database', 'topology', 'workers', 'observability', 'platform'] as const;

export type StackPart = (typeof stackParts)[number];

/** Name of a stack; `cdktf deploy 'staging-*'` means all of an environment. */
export function stackName(environment: string, part: StackPart): string {
  return `${environment}-${part}`;
}

/** Every name that a stack of `environment` may have, so that `staging` is told from `staging-eu`. */
export function stackNames(environment: string): readonly string[] {
  return stackParts.map((part) => stackName(environment, part));
}
