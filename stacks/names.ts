/** Parts of an environment that change at different rates, each a stack `ENV-PART`. `platform` is the one stack of a Docker environment. */
export type StackPart = 'network' | 'cache' | 'search' | 'messaging' | 'database' | 'topology' | 'workers' | 'observability' | 'platform';

/** Name of a stack; `cdktf deploy 'staging-*'` means all of an environment. */
export function stackName(environment: string, part: StackPart): string {
  return `${environment}-${part}`;
}
