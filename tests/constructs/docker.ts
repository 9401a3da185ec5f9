import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerProvider } from '@cdktf/provider-docker/lib/provider';
import { App, TerraformStack } from '../../constructs/core/framework.ts';
import type { DockerGround } from '../../constructs/docker/foundation/ground.ts';
import { HostFiles, hostFilesName } from '../../constructs/docker/foundation/host-files.ts';
import { Images } from '../../constructs/docker/foundation/images.ts';
import { DockerNetwork } from '../../constructs/docker/foundation/network.ts';
import { Ports } from '../../constructs/docker/foundation/ports.ts';
import { environment } from '../../environments/index.ts';
import type { Environment } from '../../environments/schema.ts';
import { type ResolvedSettings, resolveSettings } from '../../environments/size.ts';
import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import type { Manifest } from '../../servers/containers/manifest.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

/** A container of the provider, as far as tests look into it. */
export interface PlannedContainer {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly labels: readonly { readonly label: string; readonly value: string }[];
  readonly memory: number;
  readonly memory_swap: number;
  readonly networks_advanced: readonly { readonly aliases: readonly string[]; readonly ipv4_address?: string }[];
  readonly ports: readonly { readonly internal: number; readonly external: number; readonly ip: string }[];
  readonly depends_on: readonly string[];
  readonly volumes: readonly { readonly host_path?: string; readonly volume_name?: string; readonly container_path: string }[];
}

/** What a stack with containers was synthesized to. */
export interface Synthesized<T> {
  readonly defined: T;
  readonly template: Template;
  readonly manifest: Manifest;
  /** Without the environment's prefix. */
  container(name: string): PlannedContainer;
}

export const stateDir = '/somewhere/.millrace/test';

/** A stack with what `define` puts on a ground of its own. */
export function inContainers<T>(
  define: (stack: TerraformStack, ground: DockerGround) => T,
  overrides: Partial<DockerGround> = {},
): Synthesized<T> {
  return inTemporaryFolder((outdir) => {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, 'stack');
    new DockerProvider(stack, 'docker', {});
    const defined = define(stack, { ...groundIn(stack), ...overrides });
    app.synth();
    const template = Template.read(outdir, 'stack');
    const manifest = JSON.parse(readFileSync(join(outdir, 'stacks', 'stack', hostFilesName), 'utf8')) as Manifest;
    const container = (name: string) => template.one('docker_container', { name: `millrace-test-${name}` }) as unknown as PlannedContainer;
    return { defined, template, manifest, container };
  });
}

function groundIn(stack: TerraformStack): DockerGround {
  return {
    ...{ environment: 'test', deletionProtection: false, ports: new Ports(18_000), tls: true },
    network: new DockerNetwork(stack, 'network', { name: 'millrace-test', subnet: '10.78.0.0/24' }),
    images: new Images(stack, 'images', {}),
    files: new HostFiles(stack, 'files', { environment: 'test', repository: '/somewhere', stateDir }),
  };
}

/** The environment `dev` as it is declared. */
export const dev: Environment = environment('dev');

/** Settings of a service of that kind in a small environment. */
export function settingsOf<K extends ServiceKind>(kind: K, overrides: Partial<ResolvedSettings<K>> = {}): ResolvedSettings<K> {
  const [declaration] = Object.values(dev.services).filter((service) => service.kind === kind);
  return { ...(resolveSettings(declaration!, dev) as ResolvedSettings<K>), ...overrides };
}

/** A file of a container, line by line. */
export function linesOf(manifest: Manifest, container: string, file: string): string[] {
  const text = manifest.containers[container]?.[file];
  if (text === undefined) throw new Error(`${container} has no file ${file}`);
  return text.trimEnd().split('\n');
}
