import type { BindingFragment, BoundService, ServiceKind } from '../../../runtime/src/contracts/binding.ts';
import { certificateFiles } from '../../../servers/tls/server-tls.ts';
import { Construct } from '../../core/framework.ts';
import { certificateOf, certificateTexts, type ServerContainer } from './container.ts';
import type { DockerGround } from './ground.ts';
import { paths } from './paths.ts';

/** What a user interface takes. */
export interface ToolProps {
  readonly ground: DockerGround;
  /** What the services say to containers: those of its kind are shown. */
  readonly services: BindingFragment;
}

/** A user interface beside the servers, in the image of its own project: that reads the mounted files itself, as whichever user it has. */
export abstract class Tool extends Construct {
  abstract readonly container: ServerContainer<'pages'>;

  /** Where a person opens it. */
  url(): string {
    const { host, port } = this.container.addressOf('pages', 'host');
    return `${this.scheme}://${host}:${port}`;
  }

  protected abstract readonly scheme: 'http' | 'https';
}

/** Its certificate, and the paths that it is told of. */
export function toolTls(ground: DockerGround, name: string) {
  const certificate = certificateOf(ground, name);
  return { files: certificateTexts(certificate), tls: certificate && certificateFiles(`${paths.mounted}/tls`) };
}

/** The bound services of a kind, by name. */
export function ofKind(services: BindingFragment, kind: ServiceKind): readonly (readonly [name: string, service: BoundService])[] {
  return Object.entries(services).filter(([, service]) => service.kind === kind);
}

/** `scheme://host:port` of an endpoint. */
export function urlOf({ tls, endpoints }: BoundService): string {
  const [{ host, port }] = endpoints as [BoundService['endpoints'][number]];
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
}
