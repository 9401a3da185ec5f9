import { CloudwatchMetricAlarm } from '@cdktf/provider-aws/lib/cloudwatch-metric-alarm';
import { EbsVolume } from '@cdktf/provider-aws/lib/ebs-volume';
import { Instance, type InstanceConfig } from '@cdktf/provider-aws/lib/instance';
import type { NetworkInterface } from '@cdktf/provider-aws/lib/network-interface';
import { VolumeAttachment } from '@cdktf/provider-aws/lib/volume-attachment';
import { Construct, type ITerraformDependable } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { arnOf, resourceName } from '../../core/naming.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { MachineRole } from './machine-role.ts';
import type { MachineResources } from './permissions.ts';
import type { SentinelNodeReference } from './props.ts';
import type { ResolvedRedisSentinel, SentinelPlace } from './resolve.ts';
import { compressedUserData, type UserData } from './user-data.ts';

export interface SentinelNodeProps {
  readonly set: ResolvedRedisSentinel;
  readonly place: SentinelPlace;
  readonly imageId: string;
  readonly networkInterface: NetworkInterface;
  readonly resources: MachineResources;
  readonly userData: (dataVolumeId: string) => string;
  /** What must stand before the machine boots. */
  readonly dependsOn: readonly ITerraformDependable[];
}

/** The system, its packages and logs; data lies on the other volume. */
const rootGiB = 20;
/** The name EC2 asks for; the machine finds the volume by its id. */
const dataDevice = '/dev/sdf';

/**
 * What restarts or replaces a machine, and would do so to all three at once. So none of it happens by itself: `RedisSentinel` says how it is brought about,
 * one machine after the other.
 */
const changedOneByOne = ['ami', 'instance_type', 'root_block_device', 'user_data_base64'];

/** Status checks and what EC2 does about them; a restart waits longer than a move, so that they never meet. */
const repairs = [
  {
    id: 'Recover',
    metricName: 'StatusCheckFailed_System',
    minutes: 2,
    action: 'recover',
    why: 'its hardware failed: EC2 moves it to other',
  },
  {
    id: 'Reboot',
    metricName: 'StatusCheckFailed_Instance',
    minutes: 3,
    action: 'reboot',
    why: 'its system does not answer: EC2 restarts it',
  },
] as const;

/** One machine with a Redis server and a sentinel, its volume of data, its role, and what EC2 does when it fails. */
export class SentinelNode extends Construct {
  readonly reference: SentinelNodeReference;
  readonly instance: Instance;
  /** User data as a new machine would get it. */
  readonly userData: UserData;

  constructor(scope: Construct, id: string, props: SentinelNodeProps) {
    super(scope, id);
    const { set, place, resources } = props;
    const role = new MachineRole(this, 'Role', { name: place.name, ...resources });
    const volume = this.defineVolume(set, place);
    this.userData = compressedUserData(this, 'UserData', props.userData(volume.id));
    this.instance = this.defineInstance(props, role);
    new VolumeAttachment(this, 'Attachment', {
      deviceName: dataDevice,
      volumeId: volume.id,
      instanceId: this.instance.id,
      // Before a machine is replaced Redis ends in order, and its file system is not torn away.
      stopInstanceBeforeDetaching: true,
    });
    for (const repair of repairs) this.defineRepair(place, repair);
    this.reference = { name: place.name, host: place.host, instanceId: this.instance.id, volumeId: volume.id };
  }

  private defineVolume({ diskGiB, encryptionKeyArn }: ResolvedRedisSentinel, { name, availabilityZone }: SentinelPlace): EbsVolume {
    const identity = identityOf(this);
    return new EbsVolume(this, 'Data', {
      availabilityZone,
      size: diskGiB,
      type: 'gp3',
      encrypted: true,
      kmsKeyId: encryptionKeyArn,
      tags: { Name: resourceName(identity, name, 'data') },
      ...protectedLifecycle(identity),
    });
  }

  private defineInstance({ set, place, imageId, networkInterface, dependsOn }: SentinelNodeProps, role: MachineRole): Instance {
    return new Instance(this, 'Resource', {
      ami: imageId,
      instanceType: set.instanceType,
      // Address and security group come with the interface; it has no public address, as nothing in these subnets has.
      primaryNetworkInterface: { networkInterfaceId: networkInterface.id },
      iamInstanceProfile: role.profileName,
      userDataBase64: this.userData.value,
      ...this.hardening(set),
      tags: { Name: resourceName(identityOf(this), place.name) },
      dependsOn: [...dependsOn, role.policy],
      lifecycle: { ignoreChanges: changedOneByOne },
    });
  }

  private hardening({ encryptionKeyArn, deletionProtection }: ResolvedRedisSentinel): Partial<InstanceConfig> {
    return {
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1, instanceMetadataTags: 'disabled' },
      monitoring: true,
      ebsOptimized: true,
      rootBlockDevice: { volumeType: 'gp3', volumeSize: rootGiB, encrypted: true, kmsKeyId: encryptionKeyArn, deleteOnTermination: true },
      maintenanceOptions: { autoRecovery: 'default' },
      // Against a slip in the console; Terraform lifts it where it replaces a machine.
      disableApiTermination: deletionProtection,
      forceDestroy: deletionProtection,
    };
  }

  private defineRepair({ name }: SentinelPlace, { id, metricName, minutes, action, why }: (typeof repairs)[number]): void {
    const identity = identityOf(this);
    new CloudwatchMetricAlarm(this, id, {
      alarmName: resourceName(identity, name, action),
      alarmDescription: `${name}: ${why}`,
      namespace: 'AWS/EC2',
      metricName,
      dimensions: { InstanceId: this.instance.id },
      statistic: 'Maximum',
      comparisonOperator: 'GreaterThanThreshold',
      threshold: 0,
      period: 60,
      evaluationPeriods: minutes,
      // EC2 stands where other ARNs name the account.
      alarmActions: [arnOf(identity, 'automate', action, 'ec2')],
    });
  }
}
