import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../environments/schema.ts';
import { planOf } from '../../stacks/app.ts';
import type { StateLocation } from '../../stacks/state.ts';
import { inTemporaryFolder, Template } from './template.ts';

const local: StateLocation = { kind: 'local' };

/** The plan of some environments, as it was written. */
export interface Written {
  /** By their paths. */
  readonly files: Readonly<Record<string, string>>;
  readonly leftOut: readonly string[];
  readonly templates: Readonly<Record<string, Template>>;
}

export function synthesize(environments: readonly Environment[], state: StateLocation = local): Written {
  return inTemporaryFolder((outDir) => {
    const { app, stacks, leftOut } = planOf({ environments, state, outDir });
    app.synth();
    const paths = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(outDir, path)).isFile());
    return {
      files: Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(outDir, path), 'utf8')])),
      leftOut,
      templates: Object.fromEntries(stacks.map(({ node }) => [node.id, Template.read(outDir, node.id)])),
    };
  });
}

/** One of its stacks. */
export const template = ({ templates }: Written, name: string): Template => {
  const found = templates[name];
  if (found === undefined) throw new Error(`no stack ${name}, there are ${Object.keys(templates).join(', ')}`);
  return found;
};
