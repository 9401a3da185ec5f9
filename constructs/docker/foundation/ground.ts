import type { HostFiles } from './host-files.ts';
import type { Images } from './images.ts';
import type { DockerNetwork } from './network.ts';
import type { Ports } from './ports.ts';

/** What every container of an environment stands on. */
export interface DockerGround {
  /** Name of the environment. */
  readonly environment: string;
  /** Whether volumes refuse to be destroyed. */
  readonly deletionProtection: boolean;
  readonly network: DockerNetwork;
  readonly images: Images;
  readonly files: HostFiles;
  readonly ports: Ports;
  /** Whether servers speak TLS. */
  readonly tls: boolean;
}
