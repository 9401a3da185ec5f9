import { Container } from '@cdktf/provider-docker/lib/container';
import { Volume } from '@cdktf/provider-docker/lib/volume';
import type { ImageKey } from '../../../environments/engine.ts';
import type { Address } from '../../../servers/bound.ts';
import type { Files } from '../../../servers/containers/manifest.ts';
import type { Certificate } from '../../../servers/tls/authority.ts';
import { loopbackNames } from '../../../servers/tls/loopback.ts';
import { contentHash } from '../../core/content-hash.ts';
import { Construct, type ITerraformDependable } from '../../core/framework.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import type { DockerGround } from './ground.ts';
import { paths, serverUser } from './paths.ts';

/** A port in the container, and where it is published on this machine. */
export interface Port {
  readonly inside: number;
  /** @default not published: for the other containers alone */
  readonly outside?: number;
}

/** Who reaches a server: programs of this machine, or other containers. */
export type View = 'host' | 'network';

export interface ServerContainerProps<P extends string> {
  /** Of the server, in the network and in the names of container and volume. */
  readonly name: string;
  readonly image: ImageKey;
  readonly command?: readonly string[];
  /** @default that of the image */
  readonly entrypoint?: readonly string[];
  /** Holds no secret: everybody who may ask Docker sees it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** By their paths below the configuration folder, with placeholders for secrets. */
  readonly files: Files;
  /** Further ones that `millrace apply` tells a running server of: their change makes no other container. @default none */
  readonly live?: Files;
  /** What to run, in the container, to see whether the server answers. */
  readonly health: readonly string[];
  /** All that it may take; nothing of it goes to swap. */
  readonly memoryMiB: number;
  readonly ports: Readonly<Record<P, Port>>;
  /** @default any of the network */
  readonly address?: string;
  /** Folder of the volume; false where nothing is kept. @default that of the images of `docker/` */
  readonly data?: string | false;
  readonly stop?: { readonly signal?: string; readonly graceSeconds: number };
  /** What must run, or be done, before it starts. */
  readonly after?: readonly ITerraformDependable[];
}

const health = { interval: '3s', timeout: '5s', startPeriod: '2m0s', retries: 5 };
/** Until it is healthy; a machine that starts all of them at once takes its time. */
const waitSeconds = 240;
const log = { logDriver: 'json-file', logOpts: { 'max-file': '3', 'max-size': '10m' } };

/**
 * One server in a container: its image's user is not root and may do nothing that root may, the file system of the image is only read, its configuration
 * comes from this machine, its data are in a volume of its own, and its ports are for this machine alone.
 *
 * Another configuration makes another container and leaves the volume. A container that has ended stays as it is until Docker or a person starts it
 * (`must_run` would have a plan delete it).
 */
export class ServerContainer<P extends string = string> extends Construct {
  readonly name: string;
  readonly resource: Container;
  private readonly ports: Readonly<Record<P, Port>>;
  private readonly fixedAddress: string | undefined;

  constructor(scope: Construct, id: string, ground: DockerGround, props: ServerContainerProps<P>) {
    super(scope, id);
    const { name, ports, files, live, address } = props;
    this.name = name;
    this.ports = ports;
    this.fixedAddress = address;
    ground.files.addContainer(name, { ...files, ...live });
    this.resource = this.defineContainer(ground, props);
  }

  /** Where the port is reached; by programs of this machine at another address than the one that the server knows. */
  addressOf(port: P, view: View): Address {
    const { inside, outside } = this.ports[port];
    if (view === 'network') return { host: this.name, port: inside };
    if (outside === undefined) throw new TypeError(`port ${port} of ${this.name} is not published`);
    const announced = this.fixedAddress === undefined ? {} : { announced: { host: this.fixedAddress, port: inside } };
    return { host: '127.0.0.1', port: outside, ...announced };
  }

  private defineContainer(ground: DockerGround, props: ServerContainerProps<P>): Container {
    const { name, image, files, memoryMiB, stop, after = [], environment = {} } = props;
    const { signal, graceSeconds = 15 } = stop ?? {};
    return new Container(this, 'Resource', {
      name: dockerName(ground, name),
      hostname: name,
      image: ground.images.idOf(image),
      ...(props.command && { command: [...props.command] }),
      ...(props.entrypoint && { entrypoint: [...props.entrypoint] }),
      ...(Object.keys(environment).length > 0 && { env: Object.entries(environment).map(([key, value]) => `${key}=${value}`) }),
      labels: [
        { label: 'millrace.environment', value: ground.environment },
        // The files are mounted, so Docker sees no change in them.
        { label: 'millrace.configuration', value: contentHash(files) },
      ],
      healthcheck: { test: ['CMD', ...props.health], ...health },
      ...{ wait: true, waitTimeout: waitSeconds },
      ...{ restart: 'unless-stopped', mustRun: false, destroyGraceSeconds: graceSeconds, stopTimeout: graceSeconds },
      ...(signal && { stopSignal: signal }),
      // Without the second, which counts both, Docker gives as much swap and Terraform sees a change for ever.
      ...{ memory: memoryMiB, memorySwap: memoryMiB },
      ...{ readOnly: true, capabilities: { drop: ['ALL'] }, securityOpts: ['no-new-privileges:true'] },
      tmpfs: scratch,
      ...log,
      networksAdvanced: [{ name: ground.network.name, aliases: [name], ...(props.address && { ipv4Address: props.address }) }],
      ports: Object.values<Port>(props.ports).flatMap(({ inside, outside }) =>
        outside === undefined ? [] : [{ internal: inside, external: outside, ip: '127.0.0.1' }],
      ),
      volumes: [
        { hostPath: ground.files.folderOf(name), containerPath: paths.mounted, readOnly: true },
        ...this.defineVolume(ground, props),
      ],
      dependsOn: [ground.files.prepared, ...after],
    });
  }

  private defineVolume(ground: DockerGround, { name, data = paths.data }: ServerContainerProps<P>) {
    if (data === false) return [];
    const volume = new Volume(this, 'Data', { name: dockerName(ground, name), driver: 'local', ...protectedLifecycle(ground) });
    return [{ volumeName: volume.name, containerPath: data }];
  }
}

/** What a server writes and nobody keeps. Kafka and OpenSearch unpack native code there, so it may be run from `/tmp`. */
const scratch: Readonly<Record<string, string>> = {
  [paths.configuration]: `rw,nosuid,nodev,noexec,size=16m,uid=${serverUser},gid=${serverUser},mode=0700`,
  '/tmp': 'rw,nosuid,nodev,exec,size=64m,mode=1777',
};

/** Container and volume are called alike. */
function dockerName({ environment }: Pick<DockerGround, 'environment'>, name: string): string {
  return `millrace-${environment}-${name}`;
}

/** Placeholders of the certificate of a server: for its name in the network, its address where that is fixed, and this machine; undefined in plain text. */
export function certificateOf({ tls, files }: DockerGround, name: string, address?: string): Certificate | undefined {
  if (!tls) return undefined;
  return files.certificate(name, [name, ...loopbackNames, ...(address === undefined ? [] : [address])]);
}

/** The files of a certificate where `certificatePaths` says. */
export function certificateTexts(certificate: Certificate | undefined): Files {
  if (certificate === undefined) return {};
  return { 'tls/ca.pem': certificate.ca, 'tls/server.pem': certificate.cert, 'tls/server.key': certificate.key };
}
