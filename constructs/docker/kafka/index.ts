import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { bindKafka } from '../../../servers/kafka/bound.ts';
import { renderServerProperties, superUser, votersAmong } from '../../../servers/kafka/config.ts';
import { javaOptions, log4jProperties } from '../../../servers/kafka/java.ts';
import { contentHash } from '../../core/content-hash.ts';
import type { Construct } from '../../core/framework.ts';
import { certificateOf, certificateTexts, ServerContainer, type View } from '../foundation/container.ts';
import { certificatePaths, paths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';

const ports = { clients: 9_092, peers: 9_093, controller: 9_094, network: 9_095 };

/** Classes, compiled code, threads and buffers of a broker beside its heap; most of it is mapped files, which do not count until they are read. */
const besideHeapMiB = 384;

type KafkaProps = DockerServiceProps<'kafka'>;

/**
 * Brokers without ZooKeeper; the first three, or the only one, are their own controllers.
 *
 * A broker tells clients where it is reached, so programs of this machine and other containers come to listeners of their own. Password and number of
 * controllers are of the cluster's own metadata: to change them, destroy its volumes.
 */
export class Kafka extends DockerService<KafkaProps> {
  readonly containers: readonly ServerContainer<'clients' | 'network'>[];

  constructor(scope: Construct, id: string, props: KafkaProps) {
    super(scope, id, props);
    const { service, settings } = props;
    const names = Array.from({ length: settings.brokers }, (_, index) => `${service}-${index + 1}`);
    this.containers = names.map((_, index) => this.defineNode(names, index));
  }

  override boundFor(view: View): BoundService {
    const brokers = this.containers.map((container) => container.addressOf(view === 'host' ? 'clients' : 'network', view));
    const { replicationFactor, minInSyncReplicas } = this.props.settings;
    return bindKafka({ ...boundServer(this.props), brokers, replicationFactor, minInSyncReplicas });
  }

  private defineNode(names: readonly string[], index: number): ServerContainer<'clients' | 'network'> {
    const { ground, service, settings } = this.props;
    const name = names[index]!;
    const { memoryMiB, replicationFactor, minInSyncReplicas } = settings;
    const outside = ground.ports.next('kafka');
    const certificate = certificateOf(ground, name);
    const voters = names.slice(0, votersAmong(names.length));
    const properties = renderServerProperties({
      ...{ nodeId: index + 1, host: name, ports, advertised: { host: '127.0.0.1', port: outside }, dataDir: `${paths.data}/data` },
      controllers: voters.map((host, voter) => ({ nodeId: voter + 1, host, port: ports.controller })),
      ...{ replicationFactor, minInSyncReplicas, username: superUser, password: given.password(service) },
      tls: certificate && { caFile: certificatePaths.caFile, keyStoreFile: `${paths.configuration}/tls/store.pem` },
    });
    return new ServerContainer(this, `Node${index + 1}`, ground, {
      ...{ name, image: 'kafka' },
      command: ['run-kafka', ...javaOptions(paths.configuration, memoryMiB), 'kafka.Kafka', `${paths.configuration}/server.properties`],
      environment: { KAFKA_CLUSTER_ID: this.clusterId(voters.length) },
      files: {
        'server.properties': properties,
        'log4j2.properties': log4jProperties,
        scram: `${given.scram(service, superUser)}\n`,
        ...certificateTexts(certificate),
        ...(certificate && { 'tls/store.pem': certificate.key + certificate.cert }),
      },
      health: ['kafka-answers', name, String(ports.network), ...(ground.tls ? [certificatePaths.caFile] : [])],
      memoryMiB: memoryMiB + besideHeapMiB,
      ports: { clients: { inside: ports.clients, outside }, network: { inside: ports.network } },
      stop: { graceSeconds: 20 },
    });
  }

  /** 16 bytes, the same for all nodes and at every synthesis. */
  private clusterId(voters: number): string {
    const { ground, service } = this.props;
    return Buffer.from(contentHash([ground.environment, service, voters]).padEnd(16, '0')).toString('base64url');
  }
}
