import type * as Kafkajs from 'kafkajs';
import type { KafkajsModule } from './kafkajs.ts';

/** What kafkajs's cluster and brokers can do beyond their published types. */
export interface InnerCluster extends Pick<Kafkajs.Cluster, 'connect'> {
  readonly brokerPool: { readonly seedBroker: { readonly connectionPool: { send<T>(request: unknown): Promise<T> } } };
  findGroupCoordinator(group: {
    groupId: string;
  }): Promise<{ leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown> }>;
}

/** An assigner of partitions to give a consumer, and the cluster of that consumer: kafkajs hands it to assigners and offers it nowhere else. */
export function clusterCatcher({ PartitionAssigners }: Pick<KafkajsModule, 'PartitionAssigners'>): {
  assigner: Kafkajs.PartitionAssigner;
  cluster(): InnerCluster;
} {
  let caught: Kafkajs.Cluster | undefined;
  return {
    assigner(config) {
      caught = config.cluster;
      return PartitionAssigners.roundRobin(config);
    },
    cluster: () => caught as unknown as InnerCluster,
  };
}
