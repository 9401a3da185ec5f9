import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { planOf } from '../../stacks/app.ts';
import { repository } from '../repository/repository.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import { freePorts } from '../support/ports.ts';
import { docker, listed, output, run } from './docker.ts';

/** A hundred for each kind of server. */
const portCount = 800;
/** What programs of a plan are run with: they lie where the plan is, as links. */
const linked = ['servers', 'runtime', 'alerts', 'environments', 'node_modules', 'package.json', 'tsconfig.json', 'tsconfig.base.json'];

const prefix = 'trial-';

/** A Docker environment of a test's own: free ports, own network and folder, everything removed at the end. */
export class DockerTrial {
  private constructor(
    readonly name: string,
    private readonly folder: TestFolder,
    private readonly portBase: number,
    private readonly input: Pick<EnvironmentInput, 'services' | 'topology'>,
  ) {}

  private environment: Environment | undefined;

  static async create(input: Pick<EnvironmentInput, 'services' | 'topology'>): Promise<DockerTrial> {
    removeForgotten();
    const folder = await testFolder('docker');
    for (const name of linked) symlinkSync(join(repository, name), join(folder.path, name));
    return new DockerTrial(`${prefix}${process.pid}`, folder, await freePorts(portCount), input);
  }

  /** Folder of what is private to the environment, the binding among it. */
  get stateDir(): string {
    return join(this.folder.path, '.millrace', this.name);
  }

  get bindingFile(): string {
    return join(this.stateDir, 'binding.json');
  }

  private get stack(): string {
    return join(this.folder.path, 'out/stacks', `${this.name}-platform`);
  }

  binding() {
    return loadBinding({ file: this.bindingFile });
  }

  /** As it was last written. */
  get declared(): Environment {
    if (this.environment === undefined) throw new Error('nothing is synthesized yet');
    return this.environment;
  }

  /** Writes the plan. @param changes services that differ from those of the start */
  synthesize(changes: EnvironmentInput['services'] = {}): void {
    const services = { ...this.input.services, ...changes };
    const engine = { kind: 'docker', ports: { base: this.portBase }, subnet: `10.79.${process.pid % 256}.0/24` } as const;
    this.environment = parseEnvironment({
      ...this.input,
      name: this.name,
      engine,
      size: 'small',
      services,
      protection: { deletion: false },
    });
    planOf({ environments: [this.environment], state: { kind: 'local' }, outDir: join(this.folder.path, 'out') }).app.synth();
  }

  terraform(...words: readonly string[]): string {
    return output('terraform', words, { cwd: this.stack });
  }

  /** Whether terraform would change anything. */
  differs(): boolean {
    const { status, stdout, stderr } = run('terraform', ['plan', '-input=false', '-no-color', '-detailed-exitcode'], { cwd: this.stack });
    if (status !== 0 && status !== 2)
      throw new Error(`terraform plan ended with ${status}:\n${stdout.slice(-3_000)}${stderr.slice(-3_000)}`);
    return status === 2;
  }

  /** Name of the container of a server. */
  container(server: string): string {
    return `millrace-${this.name}-${server}`;
  }

  /** Ids of all containers by their names. */
  containers(): Record<string, string> {
    const filter = `label=millrace.environment=${this.name}`;
    return Object.fromEntries(
      listed('ps', '--all', '--no-trunc', '--filter', filter, '--format', '{{.Names}} {{.ID}}').map((line) => line.split(' ')),
    );
  }

  /** What of it is on the machine, by docker's own account. */
  remains(): string[] {
    return remainsOf(this.name);
  }

  /** Every secret of it, and everything that travels: plan, state, binding, and what docker tells of its containers. */
  secretsAndTexts(): { readonly secrets: Record<string, string>; readonly texts: Record<string, string> } {
    const read = (folder: string, which: RegExp) =>
      Object.fromEntries(filesIn(folder).flatMap((path) => (which.test(path) ? [[path, readFileSync(path, 'utf8')]] : [])));
    const state = join(this.folder.path, '.millrace');
    const texts = { ...read(this.stack, /\.json$/), ...read(state, /(tfstate|\.json|\.d\.ts)$/) };
    const inspected = docker('inspect', ...Object.keys(this.containers()));
    return { secrets: read(join(this.stateDir, 'secrets'), /./), texts: { ...texts, inspected } };
  }

  /** Whatever has become of it. */
  async remove(): Promise<void> {
    if (existsSync(join(this.stack, 'cdk.tf.json'))) run('terraform', ['destroy', '-auto-approve', '-input=false'], { cwd: this.stack });
    removeAllOf(this.name);
    await this.folder.remove();
  }
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== '.terraform' && name !== 'containers');
  return entries.flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : [],
  );
}

function remainsOf(name: string): string[] {
  const filter = ['--filter', `name=millrace-${name}`];
  return [
    ...listed('ps', '--all', '--quiet', ...filter).map((id) => `container ${id}`),
    ...listed('volume', 'ls', '--quiet', ...filter).map((id) => `volume ${id}`),
    ...listed('network', 'ls', '--quiet', ...filter).map((id) => `network ${id}`),
  ];
}

function removeAllOf(name: string): void {
  for (const [kind = '', id = ''] of remainsOf(name).map((line) => line.split(' '))) {
    docker(kind, 'rm', ...(kind === 'container' ? ['--force'] : []), id);
  }
}

/** What is left of tests that were killed; the number in the name is that of their process. */
function removeForgotten(): void {
  const names = listed('ps', '--all', '--format', '{{.Label "millrace.environment"}}').filter((name) => name.startsWith(prefix));
  for (const name of new Set(names)) if (!existsSync(`/proc/${name.slice(prefix.length)}`)) removeAllOf(name);
}
