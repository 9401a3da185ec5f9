import { EcsCluster } from '@cdktf/provider-aws/lib/ecs-cluster';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import type { ClusterReference } from './props.ts';

/**
 * Where the workers of an environment run: no machine, only a name that their metrics are kept under. Container Insights counts the running tasks.
 *
 * Nobody can open a shell in a task (it asks for a writable file system); where that is overridden, what is typed goes to an encrypted log.
 */
export class WorkerCluster extends Construct implements ClusterReference {
  readonly clusterArn: string;
  readonly clusterName: string;

  constructor(scope: Construct, id: string, { encryptionKeyArn }: { readonly encryptionKeyArn: string }) {
    super(scope, id);
    const name = resourceName(identityOf(this), 'workers');
    const cluster = new EcsCluster(this, 'Resource', {
      name,
      setting: [{ name: 'containerInsights', value: 'enabled' }],
      configuration: {
        executeCommandConfiguration: {
          kmsKeyId: encryptionKeyArn,
          logging: 'OVERRIDE',
          logConfiguration: {
            cloudWatchEncryptionEnabled: true,
            cloudWatchLogGroupName: defineLogGroup(this, 'Sessions', ['workers', 'sessions'], encryptionKeyArn).name,
          },
        },
      },
    });
    this.clusterArn = cluster.arn;
    // Not the token: metrics are named before the cluster stands.
    this.clusterName = name;
  }
}
