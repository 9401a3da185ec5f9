import type { NetworkReference } from '../constructs/aws/network/index.ts';
import { WorkerCluster } from '../constructs/aws/worker/cluster.ts';
import { Worker } from '../constructs/aws/worker/index.ts';
import type { BindingPlace, ConnectableService } from '../constructs/aws/worker/props.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import { AwsStack, type AwsStackProps } from './base.ts';

export interface WorkersStackProps extends AwsStackProps {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** Names from the stack `topology`, so that this one comes after it. */
  readonly binding: BindingPlace;
  /** Every service of the environment by name, with what connecting to it takes. */
  readonly services: Readonly<Record<string, ConnectableService>>;
}

/**
 * The programs of the package that an environment runs itself, from images; its last stack, because they read the finished binding.
 *
 * Tasks start with the stack: `millrace migrate` must have run by then. Without the schema a relay ends at once (MIGRATION_PENDING), and ECS gives the
 * deployment up.
 */
export class WorkersStack extends AwsStack {
  readonly workers: readonly Worker[];

  constructor(scope: Construct, props: WorkersStackProps) {
    super(scope, 'workers', props);
    const { environment, network, encryptionKeyArn, binding, services } = props;
    const cluster = new WorkerCluster(this, 'Cluster', { encryptionKeyArn });
    this.workers = Object.entries(environment.workers).map(
      ([name, declaration]) => new Worker(this, name, { name, declaration, network, encryptionKeyArn, cluster, binding, services }),
    );
    new TerraformOutput(this, 'cluster_name', { value: cluster.clusterName });
    const serviceNames = this.workers.map(({ attributes }) => [attributes.name, attributes.serviceName] as const);
    new TerraformOutput(this, 'service_names', {
      value: Object.fromEntries(serviceNames),
      description: 'names of the ECS services by worker',
    });
  }
}
