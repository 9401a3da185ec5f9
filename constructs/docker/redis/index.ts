import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import { bindRedis } from '../../../servers/redis/bound.ts';
import type { Construct } from '../../core/framework.ts';
import type { ServerContainer, View } from '../foundation/container.ts';
import { boundServer, DockerService, type DockerServiceProps, usersFor } from '../foundation/server.ts';
import { nodeContainer } from './node.ts';

export interface RedisProps extends DockerServiceProps<'redis'> {
  /** Its users get their rules from here. */
  readonly topology: Topology;
}

/**
 * One Redis server and, where the declaration asks for them, replicas to read from.
 *
 * A cache starts empty when its container is replaced; every other role keeps its data in the volume. Nobody takes over from a server that fails: that is
 * what `redis-sentinel` is for.
 */
export class Redis extends DockerService<RedisProps> {
  readonly containers: readonly ServerContainer<'clients'>[];
  private readonly users: ReturnType<typeof usersFor>;

  constructor(scope: Construct, id: string, props: RedisProps) {
    super(scope, id, props);
    this.users = usersFor(props.topology, props.service);
    const { ground, service, settings } = props;
    const node = { maxMemoryMiB: settings.memoryMiB, maxMemoryPolicy: settings.maxMemoryPolicy, users: this.users.acl };
    const primary = nodeContainer(this, 'Primary', { ground, name: service, password: service, node });
    const replicas = Array.from({ length: settings.replicas }, (_, index) =>
      nodeContainer(this, `Replica${index + 1}`, {
        ...{ ground, name: `${service}-replica-${index + 1}`, password: service, after: [primary.resource] },
        node: { ...node, replicaOf: primary.addressOf('clients', 'network') },
      }),
    );
    this.containers = [primary, ...replicas];
  }

  override boundFor(view: View): BoundService {
    const [primary, ...readers] = this.containers.map((container) => container.addressOf('clients', view));
    const { memoryMiB: maxMemoryMiB } = this.props.settings;
    return bindRedis({ ...boundServer(this.props), ...this.users.binding, primary: primary!, readers, maxMemoryMiB });
  }
}
