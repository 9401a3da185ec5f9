import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Attributes = Record<string, unknown>;
type ByType = Record<string, Record<string, Attributes>>;

/** A stack's `cdk.tf.json`, to be planted in. */
export interface StackConfig {
  readonly resource: ByType;
  readonly ephemeral?: ByType;
  readonly output?: Record<string, Attributes>;
  readonly data?: ByType;
}

/** How far terraform must go to see a mistake. */
export type Step = 'validate' | 'plan' | 'apply';

const commands: Readonly<Record<Step, readonly string[]>> = {
  validate: ['validate'],
  plan: ['plan', '-input=false'],
  apply: ['apply', '-input=false', '-auto-approve'],
};

/** The folder that terraform-check.mjs leaves behind: every stack initialized, with one build of the provider for all. */
export class Workspace {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A stack's state as it was before it was destroyed. */
  appliedState(stack: string): string {
    return readFileSync(this.appliedStatePath(stack), 'utf8');
  }

  /** A stack's state after the last attempt to apply a copy of it. */
  attemptedState(stack: string): string {
    return readFileSync(join(this.folder, `${stack}.tfstate`), 'utf8');
  }

  config(stack: string): StackConfig {
    return JSON.parse(readFileSync(join(this.folder, stack, 'cdk.tf.json'), 'utf8')) as StackConfig;
  }

  outputs(stack: string): Record<string, { readonly value: unknown }> {
    return JSON.parse(readFileSync(join(this.folder, `${stack}.outputs.json`), 'utf8'));
  }

  /** The plan that was applied, as `terraform show` gives it to programs. */
  planJson(stack: string): string {
    const { status, stdout, stderr } = this.terraform(join(this.folder, stack), ['show', '-json', 'plan.bin']);
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  /** What terraform says, on one line, of a copy of `stack` that `plant` has changed, after it went through `step`. */
  attempt(
    stack: string,
    step: Step,
    plant: (config: StackConfig) => void = () => undefined,
  ): { readonly ok: boolean; readonly said: string } {
    const copy = mkdtempSync(join(this.folder, 'planted-'));
    try {
      cpSync(join(this.folder, stack), copy, { recursive: true, verbatimSymlinks: true });
      const file = join(copy, 'cdk.tf.json');
      const config = this.config(stack);
      for (const [name, remote] of Object.entries(config.data?.terraform_remote_state ?? {}))
        remote.config = { path: this.appliedStatePath(name.replace('cross-stack-reference-input-', '')) };
      plant(config);
      writeFileSync(file, JSON.stringify(config));
      const { status, stdout, stderr } = this.terraform(copy, commands[step]);
      return { ok: status === 0, said: `${stdout}${stderr}`.replaceAll(/[\s│╷╵]+/g, ' ') };
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }

  private appliedStatePath(stack: string): string {
    return join(this.folder, `${stack}.applied.tfstate`);
  }

  private terraform(cwd: string, args: readonly string[]): SpawnSyncReturns<string> {
    const env = { ...process.env, TF_CLI_CONFIG_FILE: join(this.folder, 'mirror', 'terraform.rc'), CHECKPOINT_DISABLE: '1' };
    return spawnSync('terraform', [...args, '-no-color'], { cwd, encoding: 'utf8', env, maxBuffer: 1 << 28 });
  }
}

/** Name and attributes of the first resource of a type. */
export function firstOf(ofType: ByType | undefined, type: string): readonly [name: string, attributes: Attributes] {
  const [entry] = Object.entries(ofType?.[type] ?? {});
  if (entry === undefined) throw new Error(`no ${type} to plant a mistake in`);
  return entry;
}
