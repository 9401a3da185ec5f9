import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { bindRabbit } from '../../../servers/rabbitmq/bound.ts';
import { adminUser, enabledPlugins, renderDefinitions, renderRabbitConf } from '../../../servers/rabbitmq/config.ts';
import { fewThreads } from '../../../servers/rabbitmq/environment.ts';
import type { Construct } from '../../core/framework.ts';
import { askingPort } from '../foundation/asking.ts';
import { certificateOf, certificateTexts, ServerContainer, type View } from '../foundation/container.ts';
import { certificatePaths, paths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';

const metricsPort = 15_692;

/** Erlang and its code; and as much again as the watermark, which RabbitMQ passes before it has stopped whoever sends. */
const roomMiB = 192;

type RabbitProps = DockerServiceProps<'rabbitmq'>;
type Ports = 'clients' | 'management' | 'metrics';

/**
 * One node, or a cluster of three that find each other by name, whoever of them is first.
 *
 * A node is known by its name, under which its data are kept; the administrator gets the password of then at every start.
 */
export class RabbitMq extends DockerService<RabbitProps> {
  readonly containers: readonly ServerContainer<Ports>[];

  constructor(scope: Construct, id: string, props: RabbitProps) {
    super(scope, id, props);
    const { service, settings } = props;
    const names = settings.nodes === 1 ? [service] : Array.from({ length: settings.nodes }, (_, index) => `${service}-${index + 1}`);
    this.containers = names.map((name, index) => this.defineNode(`Node${index + 1}`, name, names));
  }

  override boundFor(view: View): BoundService {
    const on = (port: Ports) => this.containers.map((container) => container.addressOf(port, view));
    const { memoryMiB: maxMemoryMiB } = this.props.settings;
    const addresses = { nodes: on('clients'), management: on('management'), metrics: on('metrics') };
    return bindRabbit({ ...boundServer(this.props), ...addresses, maxMemoryMiB });
  }

  private defineNode(id: string, name: string, names: readonly string[]): ServerContainer<Ports> {
    const { ground, service, settings } = this.props;
    const certificate = certificateOf(ground, name);
    const [port, managementPort] = certificate ? [5_671, 15_671] : [5_672, 15_672];
    const conf = renderRabbitConf({
      ...{ host: '0.0.0.0', port, managementPort, metricsPort, memoryMiB: settings.memoryMiB },
      ...{ definitionsFile: `${paths.configuration}/definitions.json`, nodeNames: names.map(erlangName) },
      tls: certificate && certificatePaths,
    });
    const outside = () => ground.ports.next('rabbitmq');
    return new ServerContainer(this, id, ground, {
      ...{ name, image: 'rabbitmq', command: ['run-rabbitmq'] },
      environment: { RABBITMQ_NODENAME: erlangName(name), RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: fewThreads },
      files: {
        'rabbitmq.conf': conf,
        enabled_plugins: enabledPlugins,
        'definitions.json': renderDefinitions({ user: adminUser, passwordHash: given.rabbitHash(service) }),
        'secrets/cookie': given.password(`${service}-cookie`),
        ...certificateTexts(certificate),
      },
      health: askingPort(port),
      memoryMiB: 2 * settings.memoryMiB + roomMiB,
      ports: {
        clients: { inside: port, outside: outside() },
        management: { inside: managementPort, outside: outside() },
        metrics: { inside: metricsPort, outside: outside() },
      },
      // 6 s as a rule, 5 of which the management agent waits for an answer that a stopping node cannot give.
      stop: { graceSeconds: 20 },
    });
  }
}

/** What follows the @ is the name of the machine, which is the container's. */
function erlangName(name: string): string {
  return `rabbit@${name}`;
}
