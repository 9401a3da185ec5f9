import type { Environment } from '../../../environments/schema.ts';
import type { BindingFragment, BoundService } from '../../../runtime/src/contracts/binding.ts';
import { bindWatcher } from '../../../servers/prometheus/bound.ts';
import { renderPrometheusYml, retentionFlag, rulesFile, rulesOf } from '../../../servers/prometheus/config.ts';
import { targetsOf } from '../../../servers/prometheus/targets.ts';
import type { Construct } from '../../core/framework.ts';
import { ServerContainer, type View } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { referredText } from '../foundation/referred.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';
import { webFiles } from './web.ts';

const port = 9_090;
const memoryMiB = 512;

export interface PrometheusProps extends DockerServiceProps<'prometheus'> {
  /** What is declared; the alerts of its services become rules. */
  readonly environment: Environment;
  /** What the other services say to containers: those with metrics are scraped. */
  readonly others: BindingFragment;
  /** `host:port` where the probe tells its samples. */
  readonly probeAddress: string;
}

/** One server that scrapes itself, every other service with metrics and the probe, and sends alerts to the Alertmanager that is declared. */
export class Prometheus extends DockerService<PrometheusProps> {
  readonly containers: readonly [ServerContainer<'clients'>];

  constructor(scope: Construct, id: string, props: PrometheusProps) {
    super(scope, id, props);
    const { ground, service, settings } = props;
    const web = webFiles(ground, service, port);
    const container = new ServerContainer(this, 'Server', ground, {
      ...{ name: service, image: 'prometheus', memoryMiB },
      command: ['run-prometheus', `--web.listen-address=0.0.0.0:${port}`, retentionFlag(settings.retentionDays)],
      files: { ...this.files(), ...web.files },
      health: web.command,
      ports: { clients: { inside: port, outside: ground.ports.next('prometheus') } },
    });
    this.containers = [container];
  }

  override boundFor(view: View): BoundService {
    const [server] = this.containers;
    return bindWatcher('prometheus', { ...boundServer(this.props), address: server.addressOf('clients', view) });
  }

  private files() {
    const { service, settings, environment, others, probeAddress } = this.props;
    const copies: Record<string, string> = {};
    // Itself as the others see it; there is no container yet.
    const itself = bindWatcher('prometheus', { ...boundServer(this.props), address: { host: service, port } });
    const services = { [service]: itself, ...others };
    const targets = targetsOf(services, (name, ref) => {
      copies[`targets/${name}`] = referredText(ref);
      return `${paths.configuration}/targets/${name}`;
    });
    const rulesDir = `${paths.configuration}/rules`;
    const { scrapeIntervalSeconds } = settings;
    return {
      'prometheus.yml': renderPrometheusYml({
        environment: environment.name,
        scrapeIntervalSeconds,
        rulesDir,
        services: targets,
        probeAddress,
      }),
      [`rules/${rulesFile}`]: rulesOf(environment, Object.keys(services)),
      ...copies,
    };
  }
}
