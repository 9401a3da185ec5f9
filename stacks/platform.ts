import { DockerProvider } from '@cdktf/provider-docker/lib/provider';
import { requireSoundAlerts } from '../alerts/check.ts';
import { mergeFragments } from '../constructs/core/binding.ts';
import { type Construct, DataResource, Fn, ref, TerraformOutput, TerraformStack } from '../constructs/core/framework.ts';
import { Alertmanager } from '../constructs/docker/alertmanager/index.ts';
import type { DockerGround } from '../constructs/docker/foundation/ground.ts';
import { HostFiles } from '../constructs/docker/foundation/host-files.ts';
import { Images } from '../constructs/docker/foundation/images.ts';
import { DockerNetwork } from '../constructs/docker/foundation/network.ts';
import { Ports } from '../constructs/docker/foundation/ports.ts';
import type { DockerService, DockerServiceProps } from '../constructs/docker/foundation/server.ts';
import type { Tool } from '../constructs/docker/foundation/tool.ts';
import { Grafana, type GrafanaProps } from '../constructs/docker/grafana/index.ts';
import { Kafka } from '../constructs/docker/kafka/index.ts';
import { KafkaUi } from '../constructs/docker/kafka-ui/index.ts';
import { OpenSearch } from '../constructs/docker/opensearch/index.ts';
import { OpenSearchDashboards } from '../constructs/docker/opensearch-dashboards/index.ts';
import { Postgres } from '../constructs/docker/postgres/index.ts';
import { Probe, probeName, probePort } from '../constructs/docker/probe/index.ts';
import { Prometheus } from '../constructs/docker/prometheus/index.ts';
import { RabbitMq } from '../constructs/docker/rabbitmq/index.ts';
import { Redis } from '../constructs/docker/redis/index.ts';
import { RedisSentinel } from '../constructs/docker/redis-sentinel/index.ts';
import type { ToolKind } from '../environments/engine.ts';
import type { Environment } from '../environments/schema.ts';
import { resolveSettings } from '../environments/size.ts';
import type { BindingFragment, ServiceKind } from '../runtime/src/contracts/binding.ts';
import { servicesOf } from '../runtime/src/contracts/topology.ts';
import type { Files } from '../servers/containers/manifest.ts';
import { renderBinding } from '../servers/supervisor/binding.ts';
import { renderDashboards } from '../servers/supervisor/dashboards.ts';
import { documentNames } from '../servers/supervisor/home.ts';
import { stackName } from './names.ts';
import { keepStateHere } from './state.ts';

/** An environment whose engine is Docker. */
export type DockerEnvironment = Environment & { readonly engine: Extract<Environment['engine'], { kind: 'docker' }> };

/** Terraform runs in `cdktf.out/stacks/NAME`, so the plan names no machine. */
const repository: string = Fn.abspath(`${ref('path.module')}/../../..`);

/** What a construct of a service takes besides its settings. */
interface Context<K extends ServiceKind> extends DockerServiceProps<K> {
  readonly environment: DockerEnvironment;
  /** What the services that were defined before say to containers. */
  readonly others: BindingFragment;
}

/** Prometheus comes last: it is told of all others. */
const services: { readonly [K in ServiceKind]: (scope: Construct, context: Context<K>) => DockerService } = {
  redis: (scope, { environment: { topology }, ...props }) => new Redis(scope, props.service, { ...props, topology }),
  'redis-sentinel': (scope, { environment: { topology }, ...props }) => new RedisSentinel(scope, props.service, { ...props, topology }),
  kafka: (scope, props) => new Kafka(scope, props.service, props),
  rabbitmq: (scope, props) => new RabbitMq(scope, props.service, props),
  opensearch: (scope, props) => new OpenSearch(scope, props.service, props),
  postgres: (scope, props) => new Postgres(scope, props.service, props),
  alertmanager: (scope, { environment: { alerts }, ...props }) => new Alertmanager(scope, props.service, { ...props, alerts }),
  prometheus: (scope, props) =>
    new Prometheus(scope, props.service, { ...props, probeAddress: `${probeName(props.service)}:${probePort}` }),
};

/** What a tool shows; without any there is nothing to open. */
const tools: Readonly<Record<ToolKind, { readonly shows: ServiceKind; define(scope: Construct, props: GrafanaProps): Tool }>> = {
  grafana: { shows: 'prometheus', define: (scope, props) => new Grafana(scope, 'grafana', props) },
  'opensearch-dashboards': {
    shows: 'opensearch',
    define: (scope, props) => new OpenSearchDashboards(scope, 'opensearch-dashboards', props),
  },
  'kafka-ui': { shows: 'kafka', define: (scope, props) => new KafkaUi(scope, 'kafka-ui', props) },
};

/**
 * An environment in containers of this machine: the servers, what watches them, and the user interfaces that are declared.
 *
 * It ends as the process engine does: the binding is written, then the topology applied to what runs. Its state is a file on this machine, whatever holds the
 * state of other stacks: elsewhere nothing of it exists.
 */
export class PlatformStack extends TerraformStack {
  private readonly environment: DockerEnvironment;
  private readonly ground: DockerGround;

  constructor(scope: Construct, environment: DockerEnvironment) {
    super(scope, stackName(environment.name, 'platform'));
    requireSoundAlerts(environment);
    this.environment = environment;
    new DockerProvider(this, 'docker', {});
    keepStateHere(this, environment.name);
    this.ground = this.defineGround();
    const defined = this.defineServices();
    const seen = mergeFragments(defined.map((service) => seenByContainers(service)));
    const dashboards = hasPrometheus(seen) ? renderDashboards(environment) : {};
    this.defineTools(seen, dashboards);
    const applied = this.publishAndApply(defined, dashboards);
    for (const [name, { kind }] of Object.entries(seen)) {
      if (kind !== 'prometheus') continue;
      new Probe(this, probeName(name), { ground: this.ground, environment, services: seen, after: [applied] });
    }
  }

  private defineGround(): DockerGround {
    const { name, engine, protection } = this.environment;
    const stateDir = `${repository}/.millrace/${name}`;
    return {
      environment: name,
      deletionProtection: protection.deletion,
      network: new DockerNetwork(this, 'network', { name: `millrace-${name}`, subnet: engine.subnet }),
      images: new Images(this, 'images', engine.images),
      files: new HostFiles(this, 'files', { environment: name, repository, stateDir }),
      ports: new Ports(engine.ports.base),
      tls: engine.tls,
    };
  }

  private defineServices(): DockerService[] {
    const { environment, ground } = this;
    const defined: DockerService[] = [];
    const declared = Object.entries(environment.services).sort(
      ([, a], [, b]) => Number(a.kind === 'prometheus') - Number(b.kind === 'prometheus'),
    );
    for (const [service, declaration] of declared) {
      const define = services[declaration.kind] as (scope: Construct, context: Context<ServiceKind>) => DockerService;
      const { role } = declaration;
      const others = mergeFragments(defined.map(seenByContainers));
      defined.push(define(this, { ground, service, role, settings: resolveSettings(declaration, environment), environment, others }));
    }
    return defined;
  }

  private defineTools(seen: BindingFragment, dashboards: Files): void {
    const kinds = new Set(Object.values(seen).map(({ kind }) => kind));
    const wanted = this.environment.engine.tools.filter((tool) => kinds.has(tools[tool].shows));
    const urls = wanted.map((tool) => [tool, tools[tool].define(this, { ground: this.ground, services: seen, dashboards }).url()]);
    if (urls.length > 0)
      new TerraformOutput(this, 'tools', { value: Object.fromEntries(urls), description: 'the user is admin; passwords are in secrets/' });
  }

  /** Whatever a container was replaced for, it is looked whether it has what is declared. */
  private publishAndApply(defined: readonly DockerService[], dashboards: Files): DataResource {
    const containers = defined.flatMap((service) => service.containers.map(({ resource }) => resource));
    const { binding, documents } = renderBinding(this.environment, mergeFragments(defined.map((service) => service.binding())));
    new TerraformOutput(this, 'binding', { value: binding, description: 'how services reach the servers; holds no secret' });
    const published = this.ground.files.publish({ documents, dashboards }, containers);
    if (servicesOf(this.environment.topology).length === 0) return published;
    const { allowDestroy } = this.environment.protection;
    return new DataResource(this, 'applied', {
      triggersReplace: { generation: binding.generation, containers: containers.map(({ id }) => id) },
      dependsOn: [published],
      provisioners: [
        {
          type: 'local-exec',
          interpreter: [
            ...['node', `${repository}/runtime/dist/cli/main.js`, 'apply'],
            ...allowDestroy.flatMap((name) => ['--allow-destroy', name]),
            '--binding',
          ],
          command: `${repository}/.millrace/${this.environment.name}/${documentNames.binding}`,
        },
      ],
    });
  }
}

function seenByContainers(service: DockerService): BindingFragment {
  return { [service.node.id]: service.boundFor('network') };
}

function hasPrometheus(services: BindingFragment): boolean {
  return Object.values(services).some(({ kind }) => kind === 'prometheus');
}
