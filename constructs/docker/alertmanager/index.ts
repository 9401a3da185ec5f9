import { renderAlertmanagerYml } from '../../../alerts/alertmanager.ts';
import type { Environment } from '../../../environments/schema.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { retentionFlag } from '../../../servers/alertmanager/config.ts';
import { secretName } from '../../../servers/alertmanager/secrets.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { bindWatcher } from '../../../servers/prometheus/bound.ts';
import type { Construct } from '../../core/framework.ts';
import { ServerContainer, type View } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';
import { webFiles } from '../prometheus/web.ts';

const port = 9_093;
const memoryMiB = 128;

export interface AlertmanagerProps extends DockerServiceProps<'alertmanager'> {
  /** Whom it tells. */
  readonly alerts: Pick<Environment['alerts'], 'receivers' | 'smtp'>;
}

/** One server that keeps alerts and silences, and tells whom the environment names. */
export class Alertmanager extends DockerService<AlertmanagerProps> {
  readonly containers: readonly [ServerContainer<'clients'>];

  constructor(scope: Construct, id: string, props: AlertmanagerProps) {
    super(scope, id, props);
    const { ground, service, settings, alerts } = props;
    const secrets: Record<string, string> = {};
    const yml = renderAlertmanagerYml(alerts, (ref) => {
      const file = `receivers/${secretName(ref)}`;
      secrets[file] = given.declared(ref);
      return `${paths.configuration}/${file}`;
    });
    const web = webFiles(ground, service, port);
    const container = new ServerContainer(this, 'Server', ground, {
      ...{ name: service, image: 'alertmanager', memoryMiB },
      command: ['run-alertmanager', `--web.listen-address=0.0.0.0:${port}`, retentionFlag(settings.retentionHours)],
      files: { 'alertmanager.yml': yml, ...secrets, ...web.files },
      health: web.command,
      ports: { clients: { inside: port, outside: ground.ports.next('alertmanager') } },
    });
    this.containers = [container];
  }

  override boundFor(view: View): BoundService {
    const [server] = this.containers;
    return bindWatcher('alertmanager', { ...boundServer(this.props), address: server.addressOf('clients', view) });
  }
}
