import { basename } from 'node:path';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import type { Construct } from '../../core/framework.ts';
import { ServerContainer } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { referredFiles } from '../foundation/referred.ts';
import { ofKind, Tool, type ToolProps, toolTls } from '../foundation/tool.ts';

const port = 8_080;
const memoryMiB = 512;
const name = 'kafka-ui';
const configuration = 'kafka-ui.yml';

/** Kafka UI with every Kafka of the environment. Its user is `admin`. */
export class KafkaUi extends Tool {
  readonly container: ServerContainer<'pages'>;
  protected readonly scheme: 'http' | 'https';

  constructor(scope: Construct, id: string, { ground, services }: ToolProps) {
    super(scope, id);
    const { files, tls } = toolTls(ground, name);
    this.scheme = tls === undefined ? 'http' : 'https';
    const clusters = ofKind(services, 'kafka');
    const config = {
      ...{ kafka: { clusters: clusters.map(([cluster, bound]) => clusterOf(cluster, bound)) }, auth: { type: 'LOGIN_FORM' } },
      spring: { security: { user: { name: 'admin', password: given.password(name) } } },
      server: { port, ...(tls && { ssl: { certificate: tls.certFile, 'certificate-private-key': tls.keyFile } }) },
    };
    this.container = new ServerContainer(this, 'Server', ground, {
      ...{ name, image: name, memoryMiB, data: false },
      environment: { SPRING_CONFIG_ADDITIONALLOCATION: `${paths.mounted}/${configuration}` },
      files: { ...files, ...referredFiles(Object.fromEntries(clusters)), [configuration]: `${JSON.stringify(config, null, 2)}\n` },
      health: ['nc', '-z', 'localhost', String(port)],
      ports: { pages: { inside: port, outside: ground.ports.next(name) } },
    });
  }
}

function clusterOf(cluster: string, { endpoints, auth, tls }: BoundService) {
  const password = given.password(basename(auth.secretRef?.id ?? ''));
  const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${auth.username}" password="${password}";`;
  return {
    name: cluster,
    bootstrapServers: endpoints.map(({ host, port: at }) => `${host}:${at}`).join(','),
    properties: {
      'security.protocol': tls === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL',
      ...{ 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.jaas.config': login },
      ...(tls?.caRef && { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': `${paths.mounted}/${tls.caRef.id}` }),
    },
  };
}
