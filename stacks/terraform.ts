import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Outputs of stacks that are there and stay as they are, by stack. A stack that is missing has no state. */
export type KnownOutputs = Map<string, ReadonlySet<string>>;

/** A resource in the state. */
interface StateResource {
  readonly address: string;
  readonly type: string;
}

/** What a plan does to a resource. */
export interface PlannedChange extends StateResource {
  /** As Terraform says them: `delete`; `delete` and `create`. */
  readonly actions: readonly string[];
  /** Why, as Terraform says it. */
  readonly reason?: string;
  /** Arguments that cannot be changed in place. */
  readonly replacePaths?: readonly string[];
}

export interface PlannedChanges {
  readonly changes: readonly PlannedChange[];
  readonly changedOutputs: readonly string[];
}

interface Config {
  resource?: Record<string, Record<string, { lifecycle?: { prevent_destroy?: boolean } }>>;
  data?: { terraform_remote_state?: Record<string, unknown> };
}

interface ShownState {
  readonly values?: {
    readonly outputs?: Readonly<Record<string, unknown>>;
    readonly root_module?: { readonly resources?: readonly (StateResource & { readonly mode: string })[] };
  };
}

interface ShownPlan {
  readonly resource_changes?: readonly (StateResource & {
    readonly action_reason?: string;
    readonly change: { readonly actions: readonly string[]; readonly replace_paths?: readonly (readonly (string | number)[])[] };
  })[];
  readonly output_changes?: Readonly<Record<string, { readonly actions: readonly string[] }>>;
}

/** A value of another stack, as the framework writes it. */
const remoteOutput = /data\.terraform_remote_state\.cross-stack-reference-input-([\w-]+)\.outputs\.([\w-]+)/g;
const remotePrefix = 'cross-stack-reference-input-';
/** Unknown until something is applied, and of any type: the text that would be decoded is the id of what this plan only pretends to make. */
const unknownValue = 'jsondecode(terraform_data.unknown.id)';

/** A synthesized stack, and what the real terraform says of it. */
export class TerraformFolder {
  private readonly folder: string;
  /** As deep as the stack's own, so that paths of states that are relative lead to the same files. */
  private readonly copy: string;
  private readonly stack: string;
  private readonly program: string;

  constructor(outDir: string, stack: string, program: string) {
    this.folder = resolve(outDir, 'stacks', stack);
    this.copy = resolve(outDir, 'guard', stack);
    this.stack = stack;
    this.program = program;
  }

  /** What Terraform knows to be there, without data sources; nothing where the stack was never deployed. */
  state(): { readonly resources: readonly StateResource[]; readonly outputs: readonly string[] } {
    this.run(this.folder, ['init', '-input=false']);
    const { values } = JSON.parse(this.run(this.folder, ['show', '-json'])) as ShownState;
    const resources = (values?.root_module?.resources ?? []).filter(({ mode }) => mode === 'managed');
    return { resources, outputs: Object.keys(values?.outputs ?? {}) };
  }

  /** What a deployment would do, if nothing were protected. Takes no lock, and removes the plan again, which may hold what the state holds. */
  plan(known: KnownOutputs): PlannedChanges {
    rmSync(this.copy, { recursive: true, force: true });
    mkdirSync(this.copy, { recursive: true, mode: 0o700 });
    try {
      writeFileSync(join(this.copy, 'cdk.tf.json'), unprotected(readFileSync(join(this.folder, 'cdk.tf.json'), 'utf8'), known));
      copyFileSync(join(this.folder, '.terraform.lock.hcl'), join(this.copy, '.terraform.lock.hcl'));
      // `assets` holds the programs of functions, whose hashes the plan asks for.
      for (const name of ['.terraform', 'assets']) {
        if (existsSync(join(this.folder, name))) symlinkSync(join(this.folder, name), join(this.copy, name));
      }
      this.run(this.copy, ['plan', '-input=false', '-lock=false', '-out=plan.bin']);
      return changesIn(JSON.parse(this.run(this.copy, ['show', '-json', 'plan.bin'])) as ShownPlan);
    } finally {
      rmSync(this.copy, { recursive: true, force: true });
    }
  }

  private run(cwd: string, args: readonly string[]): string {
    const { status, stdout, stderr, error } = spawnSync(this.program, [...args, '-no-color'], {
      cwd,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (error !== undefined) throw new Error(`${this.program} must be on PATH: ${error.message}`, { cause: error });
    if (status !== 0) throw new Error(`${this.stack}: ${this.program} ${args.join(' ')} failed:\n${stdout}${stderr}`);
    return stdout;
  }
}

/** The same stack without protection, and with unknown values for what other stacks do not give yet. */
function unprotected(text: string, known: KnownOutputs): string {
  const filled = text.replaceAll(remoteOutput, (given, stack: string, output: string) =>
    known.get(stack)?.has(output) ? given : unknownValue,
  );
  const config = JSON.parse(filled) as Config;
  for (const resource of Object.values(config.resource ?? {}).flatMap(Object.values)) delete resource.lifecycle?.prevent_destroy;
  const remotes = config.data?.terraform_remote_state ?? {};
  // Terraform fails to read the state of a stack that has none.
  for (const name of Object.keys(remotes)) if (!known.has(name.slice(remotePrefix.length))) delete remotes[name];
  config.resource = { ...config.resource, terraform_data: { ...config.resource?.terraform_data, unknown: {} } };
  return JSON.stringify(config);
}

function changesIn({ resource_changes = [], output_changes = {} }: ShownPlan): PlannedChanges {
  return {
    changes: resource_changes.map(({ address, type, action_reason, change: { actions, replace_paths = [] } }) => ({
      address,
      type,
      actions,
      ...(action_reason === undefined ? {} : { reason: action_reason }),
      replacePaths: replace_paths.map((path) => path.join('.')),
    })),
    changedOutputs: Object.entries(output_changes).flatMap(([name, { actions }]) => (actions.includes('no-op') ? [] : [name])),
  };
}
