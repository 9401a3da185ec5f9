import type { Files } from '../../../servers/containers/manifest.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import type { Construct } from '../../core/framework.ts';
import { ServerContainer } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { referredFiles } from '../foundation/referred.ts';
import { ofKind, Tool, type ToolProps, toolTls, urlOf } from '../foundation/tool.ts';

export interface GrafanaProps extends ToolProps {
  /** By file name. */
  readonly dashboards: Files;
}

const port = 3_000;
const memoryMiB = 256;
const name = 'grafana';

/** Grafana with every Prometheus of the environment as a source, and the dashboards of the environment. Its user is `admin`. */
export class Grafana extends Tool {
  readonly container: ServerContainer<'pages'>;
  protected readonly scheme: 'http' | 'https';

  constructor(scope: Construct, id: string, props: GrafanaProps) {
    super(scope, id);
    const { ground } = props;
    const { files, tls } = toolTls(ground, name);
    this.scheme = tls === undefined ? 'http' : 'https';
    this.container = new ServerContainer(this, 'Server', ground, {
      ...{ name, image: name, memoryMiB, data: '/var/lib/grafana' },
      environment: {
        GF_PATHS_PROVISIONING: `${paths.mounted}/provisioning`,
        GF_SECURITY_ADMIN_PASSWORD__FILE: `${paths.mounted}/secrets/${name}`,
        GF_ANALYTICS_REPORTING_ENABLED: 'false',
        GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
        GF_SERVER_HTTP_PORT: String(port),
        ...(tls && { GF_SERVER_PROTOCOL: 'https', GF_SERVER_CERT_FILE: tls.certFile, GF_SERVER_CERT_KEY: tls.keyFile }),
      },
      files: { ...files, ...provisioning(props), [`secrets/${name}`]: given.password(name) },
      health: ['curl', '--silent', '--fail', ...(tls ? ['--cacert', tls.caFile] : []), `${this.scheme}://localhost:${port}/api/health`],
      ports: { pages: { inside: port, outside: ground.ports.next(name) } },
    });
  }
}

function provisioning({ services, dashboards }: GrafanaProps): Files {
  const sources = ofKind(services, 'prometheus');
  const folder = `${paths.mounted}/dashboards`;
  const datasources = sources.map(([source, bound], index) => ({
    ...{ name: source, type: 'prometheus', access: 'proxy', url: urlOf(bound), isDefault: index === 0 },
    ...(bound.auth.secretRef && {
      basicAuth: true,
      basicAuthUser: bound.auth.username,
      secureJsonData: {
        basicAuthPassword: `$__file{${paths.mounted}/${bound.auth.secretRef.id}}`,
        ...(bound.tls?.caRef && { tlsCACert: `$__file{${paths.mounted}/${bound.tls.caRef.id}}` }),
      },
    }),
    jsonData: { tlsAuthWithCACert: bound.tls !== undefined },
  }));
  const yaml = (content: object) => `${JSON.stringify({ apiVersion: 1, ...content }, null, 2)}\n`;
  return {
    ...referredFiles(Object.fromEntries(sources)),
    'provisioning/datasources/millrace.yml': yaml({ datasources }),
    'provisioning/dashboards/millrace.yml': yaml({ providers: [{ name: 'millrace', type: 'file', options: { path: folder } }] }),
    ...Object.fromEntries(Object.entries(dashboards).map(([file, text]) => [`dashboards/${file}`, text])),
  };
}
