import { basename } from 'node:path';
import { given } from '../../../servers/containers/placeholders.ts';
import type { Construct } from '../../core/framework.ts';
import { ServerContainer } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { referredFiles } from '../foundation/referred.ts';
import { ofKind, Tool, type ToolProps, toolTls, urlOf } from '../foundation/tool.ts';

const port = 5_601;
const memoryMiB = 1_024;
const name = 'opensearch-dashboards';
const home = '/usr/share/opensearch-dashboards';
const configuration = 'opensearch_dashboards.yml';

/** OpenSearch Dashboards of the first OpenSearch that is declared; one comes in as a user of that. */
export class OpenSearchDashboards extends Tool {
  readonly container: ServerContainer<'pages'>;
  protected readonly scheme: 'http' | 'https';

  constructor(scope: Construct, id: string, props: ToolProps) {
    super(scope, id);
    const { ground, services } = props;
    const { files, tls } = toolTls(ground, name);
    this.scheme = tls === undefined ? 'http' : 'https';
    this.container = new ServerContainer(this, 'Server', ground, {
      ...{ name, image: name, memoryMiB, data: `${home}/data` },
      entrypoint: [`${home}/bin/opensearch-dashboards`, '--config', `${paths.mounted}/${configuration}`],
      files: {
        ...files,
        ...referredFiles(Object.fromEntries(ofKind(services, 'opensearch').slice(0, 1))),
        [configuration]: this.yml(props, tls),
      },
      health: ['curl', '--silent', '--fail', ...(tls ? ['--cacert', tls.caFile] : []), `${this.scheme}://localhost:${port}/api/status`],
      ports: { pages: { inside: port, outside: ground.ports.next(name) } },
    });
  }

  /** JSON is YAML. */
  private yml({ services }: ToolProps, tls: ReturnType<typeof toolTls>['tls']): string {
    const [[, search]] = ofKind(services, 'opensearch') as [ReturnType<typeof ofKind>[number]];
    const lines = {
      ...{ 'server.host': '0.0.0.0', 'server.port': port },
      ...(tls && { 'server.ssl.enabled': true, 'server.ssl.certificate': tls.certFile, 'server.ssl.key': tls.keyFile }),
      'opensearch.hosts': [urlOf(search)],
      'opensearch.username': search.auth.username,
      'opensearch.password': given.password(basename(search.auth.secretRef?.id ?? '')),
      ...(search.tls?.caRef && {
        'opensearch.ssl.certificateAuthorities': [`${paths.mounted}/${search.tls.caRef.id}`],
        'opensearch.ssl.verificationMode': 'full',
      }),
    };
    return `${JSON.stringify(lines, null, 2)}\n`;
  }
}
