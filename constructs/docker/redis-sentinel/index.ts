import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { bindSentinel } from '../../../servers/redis-sentinel/bound.ts';
import { nodeCount, sentinelCount } from '../../../servers/redis-sentinel/members.ts';
import type { Construct } from '../../core/framework.ts';
import type { ServerContainer, View } from '../foundation/container.ts';
import { certificatePaths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps, secretFile, usersFor } from '../foundation/server.ts';
import { nodeContainer, redisPort } from '../redis/node.ts';
import { type SetOf, sentinelContainer, sentinelPort } from './sentinel.ts';

export interface RedisSentinelProps extends DockerServiceProps<'redis-sentinel'> {
  /** Its users get their rules from here. */
  readonly topology: Topology;
}

/**
 * One master, two replicas and three sentinels, each in a container of its own.
 *
 * They know each other by addresses that stay: the name of a container that has ended leads nowhere, and a sentinel that cannot resolve a name does not
 * start. Programs of this machine reach them at published ports; the binding says which is which (`announced`).
 */
export class RedisSentinel extends DockerService<RedisSentinelProps> {
  readonly containers: readonly ServerContainer<'clients'>[];
  private readonly nodes: readonly ServerContainer<'clients'>[];
  private readonly sentinels: readonly ServerContainer<'clients'>[];
  private readonly users: ReturnType<typeof usersFor>;

  constructor(scope: Construct, id: string, props: RedisSentinelProps) {
    super(scope, id, props);
    this.users = usersFor(props.topology, props.service);
    const set = this.describeSet();
    this.nodes = this.defineNodes(set);
    this.sentinels = set.sentinels.map((member, index) =>
      sentinelContainer(this, `Sentinel${index + 1}`, { ...props, set, member, after: this.nodes.map(({ resource }) => resource) }),
    );
    this.containers = [...this.nodes, ...this.sentinels];
  }

  override boundFor(view: View): BoundService {
    const addresses = (containers: typeof this.containers) => containers.map((container) => container.addressOf('clients', view));
    const { service, settings } = this.props;
    return bindSentinel({
      ...{ ...boundServer(this.props), ...this.users.binding, masterName: service, maxMemoryMiB: settings.memoryMiB },
      ...{ nodes: addresses(this.nodes), sentinels: addresses(this.sentinels), sentinelPasswordFile: secretFile(`${service}-sentinel`) },
    });
  }

  private describeSet(): SetOf {
    const { ground, service } = this.props;
    const members = (count: number, prefix: string, port: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `${prefix}-${index + 1}`, host: ground.network.fixedAddress(), port }));
    return { nodes: members(nodeCount, service, redisPort), sentinels: members(sentinelCount, `${service}-sentinel`, sentinelPort) };
  }

  /** The first one begins as the master; later the sentinels know better, and each node asks them when it starts. */
  private defineNodes({ nodes, sentinels }: SetOf): ServerContainer<'clients'>[] {
    const { ground, service, settings } = this.props;
    const [first] = nodes;
    return nodes.map(({ name, host, port }, index) =>
      nodeContainer(this, `Node${index + 1}`, {
        ...{ ground, name, address: host, password: service, kind: 'redis-sentinel' },
        environment: {
          MILLRACE_SENTINELS: sentinels.map((sentinel) => `${sentinel.host}:${sentinel.port}`).join(' '),
          MILLRACE_MASTER: service,
          MILLRACE_SELF: `${host}:${port}`,
          MILLRACE_SENTINEL_SECRET: 'sentinel',
          ...(ground.tls && { MILLRACE_CA_FILE: certificatePaths.caFile }),
        },
        further: { 'secrets/sentinel': `${service}-sentinel` },
        node: {
          ...{ maxMemoryMiB: settings.memoryMiB, maxMemoryPolicy: settings.maxMemoryPolicy, users: this.users.acl },
          // A master without any replica in touch refuses writes that only it would know of.
          minReplicasToWrite: 1,
          replicaOf: index === 0 ? undefined : { host: first!.host, port: first!.port },
        },
      }),
    );
  }
}
