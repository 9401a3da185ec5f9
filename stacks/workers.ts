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
 * Tasks start with the stack: `millrace migrate` must have run by then. Without the schema a relay ends at once (MIGRATION_PENDING), ECS gives the deployment
 * up, and so does Terraform; deployed again after `migrate`, it starts. Without workers there is no cluster, and the stack stays, empty.
 */
export class WorkersStack extends AwsStack {
  readonly workers: readonly Worker[];

  constructor(scope: Construct, props: WorkersStackProps) {
    super(scope, 'workers', props);
    this.workers = this.defineWorkers(props);
    const [first] = this.workers;
    if (first === undefined) return;
    new TerraformOutput(this, 'cluster_name', { value: first.attributes.clusterName });
    const serviceNames = this.workers.map(({ attributes }) => [attributes.name, attributes.serviceName] as const);
    new TerraformOutput(this, 'service_names', {
      value: Object.fromEntries(serviceNames),
      description: 'names of the ECS services by worker',
    });
  }
  private defineWorkers({ environment, ...shared }: WorkersStackProps): Worker[] {
    const workers = Object.entries(environment.workers);
    if (workers.length === 0) return [];
    const { network, encryptionKeyArn, binding, services } = shared;
    const cluster = new WorkerCluster(this, 'Cluster', { encryptionKeyArn });
    return workers.map(
      ([name, declaration]) => new Worker(this, name, { name, declaration, network, encryptionKeyArn, cluster, binding, services }),
    );
  }
}
