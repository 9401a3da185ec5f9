import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { keptTypes } from '../constructs/core/protection.ts';
import { stackNames } from './names.ts';
import { type KnownOutputs, type PlannedChange, TerraformFolder } from './terraform.ts';

export interface LossOptions {
  /** Name of the environment. */
  readonly environment: string;
  /** Where its plan was synthesized. */
  readonly outDir: string;
  /** Program that is run. */
  readonly terraform: string;
  /** Whether all of the environment is to go, or only what the plan no longer holds. @default false */
  readonly destroy?: boolean;
  /** Told of every stack before terraform looks at it, which takes some seconds or some minutes. */
  readonly onProgress?: (sentence: string) => void;
}

/** A resource that holds data, and that would be gone. */
export interface Loss {
  readonly stack: string;
  readonly address: string;
  /** Name of the service it belongs to, or of the construct where it belongs to none. */
  readonly service: string;
  readonly happens: 'deleted' | 'replaced' | 'destroyed';
  readonly because: string;
}

export interface Findings {
  readonly losses: readonly Loss[];
  /** State files of stacks that the plan does not have, so that nothing deploys or destroys what is in them. */
  readonly forgotten: readonly { readonly file: string; readonly holdsData: boolean }[];
}

interface Manifest {
  readonly stacks: Readonly<Record<string, { readonly name: string; readonly dependencies: readonly string[] }>>;
}

/**
 * What holds data and would be gone after the plan in `outDir` was applied, whether Terraform's own protection would have seen it or not.
 *
 * Each stack that has a state is planned as it stands, with `prevent_destroy` taken away so that all losses show at once; nothing is applied, locked or left
 * behind. What a stack gets from another one and that is not there yet, or is about to change, counts as unknown: Terraform then takes an argument that
 * cannot be changed in place for a replacement, which errs to the side of refusing.
 *
 * @throws {Error} with what terraform said, when it fails; when `outDir` holds no plan of the environment.
 */
export function findLosses(options: LossOptions): Findings {
  const { environment, outDir, terraform, destroy = false, onProgress = () => undefined } = options;
  const stacks = stacksOf(environment, outDir);
  const known: KnownOutputs = new Map();
  const losses = stacks.flatMap((stack) => {
    onProgress(`${stack}: looks for what would be lost`);
    const folder = new TerraformFolder(outDir, stack, terraform);
    const { resources, outputs } = folder.state();
    if (resources.length === 0 && outputs.length === 0) return [];
    if (destroy) return resources.filter(isKept).map((resource) => lossOf(stack, { ...resource, actions: ['delete'] }, 'destroyed'));
    const { changes, changedOutputs } = folder.plan(known);
    known.set(stack, new Set(outputs.filter((name) => !changedOutputs.includes(name))));
    return changes.filter((change) => isKept(change) && change.actions.includes('delete')).map((change) => lossOf(stack, change));
  });
  return { losses, forgotten: forgottenBeside(stacks, outDir) };
}

/** Those that stand on others after them, as Terraform must deploy them. */
function stacksOf(environment: string, outDir: string): string[] {
  const { stacks } = JSON.parse(readFileSync(join(outDir, 'manifest.json'), 'utf8')) as Manifest;
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    for (const dependency of stacks[name]?.dependencies ?? []) visit(dependency);
    ordered.add(name);
  };
  for (const name of Object.keys(stacks)) visit(name);
  const names = stackNames(environment);
  const own = [...ordered].filter((name) => names.includes(name));
  if (own.length === 0) throw new Error(`${outDir} holds no plan of ${environment}: write one with make synth ENV=${environment}`);
  return own;
}

function isKept({ type }: { readonly type: string }): boolean {
  return (keptTypes as readonly string[]).includes(type);
}

function lossOf(
  stack: string,
  { address, actions, reason, replacePaths = [] }: PlannedChange,
  happens: Loss['happens'] = happensBy(actions),
): Loss {
  // The framework puts the path of constructs into the name, joined by underscores, which no name of a service has.
  const service = /\.([^_[]+)/.exec(address)?.[1] ?? address;
  return { stack, address, service, happens, because: becauseOf(happens, reason, replacePaths) };
}

function happensBy(actions: readonly string[]): 'deleted' | 'replaced' {
  return actions.includes('create') ? 'replaced' : 'deleted';
}

function becauseOf(happens: Loss['happens'], reason: string | undefined, paths: readonly string[]): string {
  if (happens === 'destroyed') return 'all of the environment goes';
  if (happens === 'replaced') return paths.length === 0 ? (reason ?? 'it is replaced') : `${paths.join(', ')} cannot be changed in place`;
  return reason === 'delete_because_no_resource_config' ? 'the declaration no longer leads to it' : (reason ?? 'the plan deletes it');
}

/** States in files lie side by side, so that one without a stack can be seen; those in a bucket cannot. */
function forgottenBeside(stacks: readonly string[], outDir: string): Findings['forgotten'] {
  const [first] = stacks;
  const path = first === undefined ? undefined : backendPath(join(outDir, 'stacks', first));
  if (path === undefined || !existsSync(dirname(path))) return [];
  return readdirSync(dirname(path))
    .filter((file) => file.endsWith('.tfstate') && !stacks.includes(basename(file, '.tfstate')))
    .map((file) => join(dirname(path), file))
    .map((file) => ({ file, types: typesIn(file) }))
    .filter(({ types }) => types.length > 0)
    .map(({ file, types }) => ({ file, holdsData: types.some((type) => isKept({ type })) }));
}

function backendPath(folder: string): string | undefined {
  const { terraform } = JSON.parse(readFileSync(join(folder, 'cdk.tf.json'), 'utf8')) as {
    terraform: { backend?: { local?: { path?: string } } };
  };
  const path = terraform.backend?.local?.path;
  return path === undefined ? undefined : resolve(folder, path);
}

function typesIn(stateFile: string): string[] {
  const { resources = [] } = JSON.parse(readFileSync(stateFile, 'utf8')) as { resources?: readonly { mode: string; type: string }[] };
  return resources.filter(({ mode }) => mode === 'managed').map(({ type }) => type);
}
