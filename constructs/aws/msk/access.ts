import { contentHash } from '../../core/content-hash.ts';
import { Fn, TerraformLocal } from '../../core/framework.ts';
import type { MetricReference } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { grantToRole } from '../foundation/grant.ts';
import { type ServerAttributes, ServerReference } from '../foundation/reference.ts';
import { type GroupMetricName, groupMetric } from './metrics.ts';

/** The parts of a cluster that a producer uses; names may end in `*`. */
export interface ProduceScope {
  readonly topics: readonly string[];
  /** Needed by producers with transactions alone. @default none */
  readonly transactionalIds?: readonly string[];
}

/** The parts of a cluster that a consumer uses; names may end in `*`. */
export interface ConsumeScope {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
}

/** What a grant looks at, of a cluster with brokers and of a serverless one. */
interface KafkaCluster extends ServerAttributes {
  readonly clusterName: string;
  readonly arn: string;
}

type Part = 'topic' | 'group' | 'transactional-id';

/**
 * Access to a cluster through IAM, provisioned or serverless.
 *
 * Every statement names this one cluster with its UUID: a later cluster of the same name is another one. The ARN of a topic is that of the cluster with
 * another type and a further name, so Terraform derives it where the UUID is not known yet: in a local of its own, because a function within a policy would
 * need quotes that end its JSON, and a plan with such a policy could not be reviewed.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */
export abstract class KafkaAccess<A extends KafkaCluster> extends ServerReference<A> {
  /** Whether the cluster has settings of its own that an administrator may change. */
  protected abstract readonly hasClusterSettings: boolean;

  /** What an IAM identity needs in order to connect and to see the cluster's brokers, and nothing more. */
  connectStatements(): PolicyStatement[] {
    return [this.onCluster('ConnectToCluster', 'Connect', 'DescribeCluster')];
  }

  /** What an IAM identity needs in order to write to topics that there are, in transactions where ids are named. */
  produceStatements({ topics, transactionalIds = [] }: ProduceScope): PolicyStatement[] {
    const statements = [
      this.onCluster('ConnectToCluster', 'Connect', 'DescribeCluster', 'WriteDataIdempotently'),
      this.on('WriteTopics', 'topic', topics, 'DescribeTopic', 'DescribeTopicDynamicConfiguration', 'WriteData'),
    ];
    if (transactionalIds.length === 0) return statements;
    return [
      ...statements,
      this.on('UseTransactions', 'transactional-id', transactionalIds, 'DescribeTransactionalId', 'AlterTransactionalId'),
    ];
  }

  /** What an IAM identity needs in order to read topics as a member of groups. */
  consumeStatements({ topics, groups }: ConsumeScope): PolicyStatement[] {
    return [
      ...this.connectStatements(),
      this.on('ReadTopics', 'topic', topics, 'DescribeTopic', 'DescribeTopicDynamicConfiguration', 'ReadData'),
      this.on('JoinGroups', 'group', groups, 'DescribeGroup', 'AlterGroup'),
    ];
  }

  /** What an IAM identity needs in order to see how topics and groups fare, without reading messages. */
  watchStatements(): PolicyStatement[] {
    return [
      ...this.connectStatements(),
      this.on('LookAtTopics', 'topic', ['*'], 'DescribeTopic', 'DescribeTopicDynamicConfiguration'),
      this.on('LookAtGroups', 'group', ['*'], 'DescribeGroup'),
    ];
  }

  /** What an IAM identity needs in order to keep topics, groups and settings of the cluster, without reading or writing messages. */
  adminStatements(): PolicyStatement[] {
    const settings = this.hasClusterSettings
      ? (['AlterCluster', 'DescribeClusterDynamicConfiguration', 'AlterClusterDynamicConfiguration'] as const)
      : [];
    return [
      this.onCluster('ConnectToCluster', 'Connect', 'DescribeCluster', ...settings),
      this.on('KeepTopics', 'topic', ['*'], 'CreateTopic', 'DescribeTopic', 'AlterTopic', 'DeleteTopic', ...topicSettings),
      this.on('KeepGroups', 'group', ['*'], 'DescribeGroup', 'DeleteGroup'),
    ];
  }

  /** Lets a role connect: `kafka-cluster:Connect` and `DescribeCluster` on the cluster. */
  grantConnect(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, 'connect', this.connectStatements());
  }

  /**
   * Lets a role write: besides `grantConnect` also `kafka-cluster:WriteDataIdempotently` on the cluster, `DescribeTopic`,
   * `DescribeTopicDynamicConfiguration` and `WriteData` on topics, `DescribeTransactionalId` and `AlterTransactionalId` on ids.
   */
  grantProduce(id: string, grantee: Grantee, scope: ProduceScope): readonly PolicyStatement[] {
    return this.grant(id, grantee, `produce-${contentHash(scope)}`, this.produceStatements(scope));
  }

  /**
   * Lets a role read: besides `grantConnect` also `kafka-cluster:DescribeTopic`, `DescribeTopicDynamicConfiguration` and `ReadData` on topics,
   * `DescribeGroup` and `AlterGroup` on groups.
   */
  grantConsume(id: string, grantee: Grantee, scope: ConsumeScope): readonly PolicyStatement[] {
    return this.grant(id, grantee, `consume-${contentHash(scope)}`, this.consumeStatements(scope));
  }

  /**
   * Lets a role keep topics, groups and settings: besides `grantConnect` also `kafka-cluster:AlterCluster`, `DescribeClusterDynamicConfiguration` and
   * `AlterClusterDynamicConfiguration` where the cluster has such; `CreateTopic`, `DescribeTopic`, `AlterTopic`, `DeleteTopic`,
   * `DescribeTopicDynamicConfiguration` and `AlterTopicDynamicConfiguration` on all topics; `DescribeGroup` and `DeleteGroup` on all groups.
   */
  grantAdmin(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, 'admin', this.adminStatements());
  }

  /** How far one group is behind in one topic. */
  lagMetric(name: GroupMetricName, group: string, topic: string): MetricReference {
    return groupMetric(this.attributes.clusterName, name, group, topic);
  }

  /** A role has one policy of each name, so `what` tells apart two grants of one kind. */
  protected grant(id: string, grantee: Grantee, what: string, statements: readonly PolicyStatement[]): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `${what}-${this.attributes.clusterName}`, statements });
  }

  private onCluster(Sid: string, ...actions: string[]): PolicyStatement {
    return { Sid, Effect: 'Allow', Action: actions.map(kafkaAction), Resource: this.attributes.arn };
  }

  private on(Sid: string, part: Part, names: readonly string[], ...actions: string[]): PolicyStatement {
    const partArn = this.partArn(part);
    return { Sid, Effect: 'Allow', Action: actions.map(kafkaAction), Resource: names.map((name) => `${partArn}/${name}`) };
  }

  /** What the ARNs of all topics, groups or ids of this cluster begin with. */
  private partArn(part: Part): string {
    const { arn } = this.attributes;
    const change = [':cluster/', `:${part}/`] as const;
    if (arn.includes(change[0])) return arn.replace(...change);
    const id = `${part.replaceAll('-', '_')}_arn`;
    const existing = this.node.tryFindChild(id);
    return (existing instanceof TerraformLocal ? existing : new TerraformLocal(this, id, Fn.replace(arn, ...change))).asString;
  }
}

const topicSettings = ['DescribeTopicDynamicConfiguration', 'AlterTopicDynamicConfiguration'] as const;

function kafkaAction(name: string): string {
  return `kafka-cluster:${name}`;
}
