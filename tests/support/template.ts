import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { App } from '../../constructs/core/framework.ts';
import { type EnvironmentIdentity, EnvironmentStack } from '../../constructs/core/identity.ts';

type Attributes = Readonly<Record<string, unknown>>;

interface Synthesized {
  readonly resource?: Readonly<Record<string, Readonly<Record<string, Attributes>>>>;
  readonly output?: Readonly<Record<string, Attributes>>;
  readonly terraform: Readonly<Record<string, unknown>>;
}

/** The environment that constructs under test belong to, unless a test says otherwise. */
export const testIdentity: EnvironmentIdentity = {
  name: 'test',
  account: '111111111111',
  region: 'eu-central-1',
  zones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
  size: 'small',
  deletionProtection: true,
  serverLogDays: 365,
  backupDays: 7,
};

/** One synthesized stack, to be asked what is in it. */
export class Template {
  /** The file as it was written. */
  readonly text: string;
  private readonly content: Synthesized;

  constructor(text: string) {
    this.text = text;
    this.content = JSON.parse(text) as Synthesized;
  }

  /** The stack `name` of a synthesized app. */
  static read(outDir: string, name: string): Template {
    return new Template(readFileSync(join(outDir, 'stacks', name, 'cdk.tf.json'), 'utf8'));
  }

  /** A stack with what `define` puts into it. */
  static of(define: (stack: EnvironmentStack) => void, identity: Partial<EnvironmentIdentity> = {}): Template {
    return inTemporaryFolder((outdir) => {
      const app = new App({ outdir });
      const stack = new EnvironmentStack(app, 'stack', { ...testIdentity, ...identity });
      new AwsProvider(stack, 'aws', { region: stack.identity.region });
      define(stack);
      app.synth();
      return Template.read(outdir, 'stack');
    });
  }

  /** Number of resources by type. */
  counts(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.content.resource ?? {}).map(([type, all]) => [type, Object.keys(all).length]));
  }

  /** Every resource of a type. */
  all(type: string): Attributes[] {
    return Object.values(this.content.resource?.[type] ?? {});
  }

  /** The one resource of a type whose attributes equal those of `where`. */
  one(type: string, where: Attributes = {}): Attributes {
    const found = this.all(type).filter((resource) => Object.entries(where).every(([name, value]) => resource[name] === value));
    if (found.length !== 1) throw new Error(`wanted one ${type} with ${JSON.stringify(where)}, found ${found.length}`);
    return found[0]!;
  }

  /** Values of the outputs by name. */
  outputs(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.content.output ?? {}).map(([name, { value }]) => [name, value]));
  }

  /** The terraform block: back end and providers. */
  get terraform(): Readonly<Record<string, unknown>> {
    return this.content.terraform;
  }

  /** What a reviewer reads: without the notes of the framework, and without outputs that only carry references between stacks. */
  plan(): unknown {
    const { '//': _notes, ...content } = this.content as Synthesized & Record<'//', unknown>;
    return JSON.parse(JSON.stringify({ ...content, output: named(content.output) }, (key, value) => (key === '//' ? undefined : value)));
  }
}

/** Runs `use` with a folder that is removed afterwards. */
export function inTemporaryFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-synth-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function named(outputs: Synthesized['output'] = {}): Synthesized['output'] {
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !name.startsWith('cross-stack-output-')));
}
