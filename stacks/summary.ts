import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimateLines } from '../environments/estimates/index.ts';
import type { Environment } from '../environments/schema.ts';
import type { Plan } from './app.ts';

/** What was synthesized, in a form that programs read. */
export interface PlanSummary {
  readonly outDir: string;
  readonly stacks: readonly { readonly name: string; readonly resources: number; readonly dependsOn: readonly string[] }[];
  readonly leftOut: readonly string[];
  /** What topics and indices are expected to keep on each service, and the room that it has; sentences. */
  readonly estimates: readonly string[];
  /** How many alarms watch each environment, and what they cost; sentences. */
  readonly alarms: readonly string[];
}

/**
 * Counts what a synthesized plan holds, from the files that were written.
 *
 * @param environments those that the plan is of.
 */
export function summaryOf({ app, stacks, leftOut, alarms }: Plan, environments: readonly Environment[]): PlanSummary {
  return {
    outDir: app.outdir,
    stacks: stacks.map((stack) => ({
      name: stack.node.id,
      resources: countResources(join(app.outdir, 'stacks', stack.node.id, 'cdk.tf.json')),
      dependsOn: stack.dependencies.map(({ node }) => node.id),
    })),
    leftOut,
    estimates: environments.flatMap(estimateLines),
    alarms,
  };
}

/** The summary as lines for people. */
export function linesOf({ outDir, stacks, estimates, alarms }: PlanSummary): string[] {
  if (stacks.length === 0) return ['nothing to synthesize'];
  const width = Math.max(...stacks.map(({ name }) => name.length));
  return [
    `synthesized ${stacks.length} stacks into ${outDir}`,
    ...stacks.map(({ name, resources, dependsOn }) => {
      const after = dependsOn.length === 0 ? '' : `  after ${dependsOn.join(', ')}`;
      return `  ${name.padEnd(width)}  ${String(resources).padStart(3)} resources${after}`;
    }),
    ...estimates,
    ...alarms,
  ];
}

function countResources(file: string): number {
  const { resource = {} } = JSON.parse(readFileSync(file, 'utf8')) as { resource?: Record<string, object> };
  return Object.values(resource).reduce((sum, ofType) => sum + Object.keys(ofType).length, 0);
}
