import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { environmentAuthority } from '../../../servers/containers/authorities.ts';
import type { Files, Manifest } from '../../../servers/containers/manifest.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import type { Certificate } from '../../../servers/tls/authority.ts';
import { contentHash } from '../../core/content-hash.ts';
import { addCustomSynthesis, Construct, DataResource, Fn, Lazy, ref, TerraformStack } from '../../core/framework.ts';

export interface HostFilesProps {
  readonly environment: string;
  /** Expressions of Terraform: the repository on this machine, and the folder of the environment in it. */
  readonly repository: string;
  readonly stateDir: string;
}

/** Name of the file, beside the plan. */
export const hostFilesName = 'files.json';

/**
 * What an environment has on the machine that its containers run on: their configurations, and the documents that services read.
 *
 * Beside the plan lies a file of texts with placeholders for every secret. A program of this repository puts the secrets in place when the plan is applied:
 * they are in no plan and no state.
 */
export class HostFiles extends Construct {
  private readonly props: HostFilesProps;
  private readonly manifest: { -readonly [K in keyof Manifest]: Manifest[K] };
  /** Done when the files of all containers are written. */
  readonly prepared: DataResource;

  constructor(scope: Construct, id: string, props: HostFilesProps) {
    super(scope, id);
    this.props = props;
    this.manifest = { environment: props.environment, certificates: {}, containers: {}, documents: {}, dashboards: {} };
    const { manifest } = this;
    const hash = (parts: () => unknown) => Lazy.stringValue({ produce: () => contentHash(parts()) });
    this.prepared = new DataResource(this, 'Prepared', {
      triggersReplace: { files: hash(() => [manifest.certificates, manifest.containers]) },
      provisioners: [this.run('prepare')],
    });
    addCustomSynthesis(this, { onSynthesize: ({ outdir }) => this.write(outdir) });
  }

  /** Folder on this machine that the container of that name reads. */
  folderOf(container: string): string {
    return `${this.props.stateDir}/containers/${container}`;
  }

  /** @throws {MillraceError} ENVIRONMENT_INVALID when two servers come to the same name. */
  addContainer(name: string, files: Files): void {
    if (Object.hasOwn(this.manifest.containers, name)) {
      throw new MillraceError('ENVIRONMENT_INVALID', `two containers would be called ${name}; name one of their services differently`);
    }
    this.manifest.containers[name] = files;
  }

  /** Placeholders of a certificate for `hosts`, made by an authority. @param authority one that is of these servers alone. @default the environment's */
  certificate(name: string, hosts: readonly string[], authority = environmentAuthority): Certificate {
    const { certificates } = this.manifest;
    certificates[authority] = { ...certificates[authority], [name]: [...hosts] };
    return { ca: given.authority(authority), cert: given.certificate(authority, name), key: given.key(authority, name) };
  }

  /** Has the documents written once `after` is done. */
  publish({ documents, dashboards }: Pick<Manifest, 'documents' | 'dashboards'>, after: readonly Construct[]): DataResource {
    this.manifest.documents = documents;
    this.manifest.dashboards = dashboards;
    return new DataResource(this, 'Published', {
      triggersReplace: { documents: contentHash([documents, dashboards]) },
      dependsOn: after as never,
      provisioners: [this.run('publish')],
    });
  }

  /** Without a shell, so that no path can be misread. */
  private run(verb: 'prepare' | 'publish') {
    const { repository, stateDir } = this.props;
    const program = `${repository}/servers/containers/main.ts`;
    return {
      type: 'local-exec' as const,
      workingDir: repository,
      interpreter: ['node', '--import', 'tsx', program, verb, '--state-dir', stateDir, '--manifest'],
      command: `${Fn.abspath(`${ref('path.module')}`)}/${hostFilesName}`,
    };
  }

  private write(outDir: string): void {
    const folder = join(outDir, 'stacks', TerraformStack.of(this).node.id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, hostFilesName), canonicalJson(this.manifest));
  }
}
