import { AppautoscalingPolicy } from '@cdktf/provider-aws/lib/appautoscaling-policy';
import { AppautoscalingTarget } from '@cdktf/provider-aws/lib/appautoscaling-target';
import { Construct } from '../../core/framework.ts';
import type { ResolvedMsk } from './resolve.ts';

/** What grows, for `ignoreChanges`: else every plan would take the growth back, which MSK refuses. */
export const grownArgument = 'broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size';

interface DiskGrowthProps {
  readonly clusterArn: string;
  readonly msk: ResolvedMsk;
}

/**
 * Disks that grow when they are full to a share, by a tenth or 10 GiB, every six hours at most; they never shrink.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-autoexpand.html
 */
export class DiskGrowth extends Construct {
  constructor(scope: Construct, id: string, { clusterArn, msk }: DiskGrowthProps) {
    super(scope, id);
    const target = new AppautoscalingTarget(this, 'Target', {
      serviceNamespace: 'kafka',
      scalableDimension: 'kafka:broker-storage:VolumeSize',
      resourceId: clusterArn,
      minCapacity: 1,
      maxCapacity: msk.maxDiskGiB,
    });
    new AppautoscalingPolicy(this, 'Resource', {
      name: `${msk.clusterName}-disks`,
      policyType: 'TargetTrackingScaling',
      serviceNamespace: target.serviceNamespace,
      scalableDimension: target.scalableDimension,
      resourceId: target.resourceId,
      targetTrackingScalingPolicyConfiguration: {
        predefinedMetricSpecification: { predefinedMetricType: 'KafkaBrokerStorageUtilization' },
        targetValue: msk.storageTargetPercent,
        disableScaleIn: true,
      },
    });
  }
}
