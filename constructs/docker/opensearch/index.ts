import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { bindOpenSearch } from '../../../servers/opensearch/bound.ts';
import { renderOpenSearchYml } from '../../../servers/opensearch/config.ts';
import { jvmArguments, log4j2Properties } from '../../../servers/opensearch/jvm.ts';
import { adminUser, managerName, nodeName, passwordCost, securityFiles } from '../../../servers/opensearch/security.ts';
import { certificateFiles } from '../../../servers/tls/server-tls.ts';
import type { Construct } from '../../core/framework.ts';
import { askingHttp } from '../foundation/asking.ts';
import { certificateOf, certificateTexts, ServerContainer, type View } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';

const home = '/opt/opensearch';
const configDir = `${paths.configuration}/config`;
const tmpDir = `${paths.data}/tmp`;
const folders = { data: `${paths.data}/data`, logs: `${paths.data}/logs`, snapshots: `${paths.data}/snapshots` };
const port = 9_200;
const transportPort = 9_300;

/** Buffers outside of the heap take up to half of it, classes and threads the rest. */
const besideHeapMiB = 448;

type OpenSearchProps = DockerServiceProps<'opensearch'>;

/**
 * One server with the security plugin, however many data nodes are declared: a second one on the same machine would hold copies that nothing is safer for.
 *
 * Users are written into its index at the first start, with the password of then; to change it, destroy the volume.
 */
export class OpenSearch extends DockerService<OpenSearchProps> {
  readonly containers: readonly [ServerContainer<'clients'>];

  constructor(scope: Construct, id: string, props: OpenSearchProps) {
    super(scope, id, props);
    const { ground, service, settings } = props;
    const asking = askingHttp(
      { port, path: '/_cluster/health?wait_for_status=yellow&timeout=1s' },
      { tls: ground.tls, user: adminUser, password: service },
    );
    const container = new ServerContainer(this, 'Server', ground, {
      ...{ name: service, image: 'opensearch' },
      command: ['run-opensearch', ...jvmArguments({ home, configDir, tmpDir, heapMiB: settings.memoryMiB })],
      files: { ...this.files(), ...asking.files },
      health: asking.command,
      memoryMiB: 2 * settings.memoryMiB + besideHeapMiB,
      ports: { clients: { inside: port, outside: ground.ports.next('opensearch') } },
      stop: { graceSeconds: 20 },
    });
    this.containers = [container];
  }

  override boundFor(view: View): BoundService {
    const [server] = this.containers;
    const { memoryMiB: heapMiB } = this.props.settings;
    return bindOpenSearch({ ...boundServer(this.props), address: server.addressOf('clients', view), heapMiB });
  }

  /** Certificates that make one a node come from an authority of this server alone: with the environment's own, every other server's would be as good. */
  private files() {
    const { ground, service } = this.props;
    const certificate = certificateOf(ground, service);
    const node = ground.files.certificate(nodeName, [nodeName], `${service}-nodes`);
    const nodeTls = certificateFiles(`${configDir}/node`);
    const { certFile, keyFile } = certificateFiles(`${configDir}/tls`);
    const yml = renderOpenSearchYml({
      ...{ clusterName: service, nodeName: service, host: '0.0.0.0', port, transportPort, folders },
      tls: certificate && { certFile, keyFile, clientCaFile: nodeTls.caFile },
      ...{ nodeTls, nodeDn: `CN=${nodeName}`, managerDn: `CN=${managerName}` },
    });
    const security = Object.entries(securityFiles(given.bcrypt(service, passwordCost)));
    return {
      'config/opensearch.yml': yml,
      'config/log4j2.properties': log4j2Properties,
      'config/node/ca.pem': node.ca,
      'config/node/server.pem': node.cert,
      'config/node/server.key': node.key,
      ...Object.fromEntries(security.map(([file, text]) => [`config/opensearch-security/${file}`, text])),
      ...certificateTexts(certificate),
      ...(certificate && { 'config/tls/server.pem': certificate.cert, 'config/tls/server.key': certificate.key }),
    };
  }
}
