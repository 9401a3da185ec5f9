import { DataAwsSsmParameter } from '@cdktf/provider-aws/lib/data-aws-ssm-parameter';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { validate } from '../../core/validate.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { SentinelAddresses } from './addresses.ts';
import { backupBucketOf } from './backups.ts';
import { architectureOf } from './instance-types.ts';
import { renderUserData } from './machine/index.ts';
import type { MachineSecrets } from './machine/settings.ts';
import { SentinelNetwork, servicePorts } from './network.ts';
import { SentinelNode } from './node.ts';
import type { RedisSentinelAttributes, RedisSentinelProps } from './props.ts';
import { RedisSentinelReference } from './reference.ts';
import { warnOfOldMachines } from './replacement.ts';
import { type ResolvedRedisSentinel, resolveRedisSentinel } from './resolve.ts';
import { applyUser, appUser, SentinelSecrets } from './secrets.ts';
import { redisSentinelRules } from './validate.ts';

interface MachineSurroundings {
  readonly secrets: MachineSecrets;
  readonly bucketName: string;
  readonly logGroup: string;
}

/**
 * Redis on three machines in three zones, each with a sentinel beside it: one master, two replicas, fail-over without anybody's doing. TLS and passwords
 * without alternative, encrypted disks, snapshots and the append-only file in S3.
 *
 * Fail-over is asynchronous: what the master acknowledged in its last moments can be lost. It takes `downAfterMs` and a second or two; where the first
 * attempt fails, twice `failoverTimeoutMs` longer.
 *
 * **Changes of machines.** No plan ever restarts or replaces one by itself, because it would do so to all three at once: image, instance type, disk of the
 * system and user data are taken when a machine is made, and ignored afterwards. A plan warns of machines that were made from other settings. To bring them
 * up to date, and to patch the system, replace one at a time, the master last:
 *
 * 1. see that the set is whole: on any machine `millrace-redis status` says that the quorum is there and two replicas are in touch;
 * 2. `terraform -chdir=cdktf.out/stacks/STACK apply -replace=ADDRESS` of a replica; the warning is the command. The new machine takes over name, address
 *    and volume of the old one;
 * 3. wait until the set is whole again, then the other replica;
 * 4. `millrace-redis failover`, and with the old master as with a replica.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const events = new RedisSentinel(this, 'events', { service: 'events', role: 'events', network, encryptionKeyArn });
 * events.grantConnect('Orders', { roleName: 'orders' });
 */
export class RedisSentinel extends RedisSentinelReference {
  private readonly nodes: readonly SentinelNode[];

  constructor(scope: Construct, id: string, props: RedisSentinelProps) {
    super(scope, id);
    const set = resolveRedisSentinel(props, identityOf(this));
    validate(`redis-sentinel ${props.service}`, redisSentinelRules, set);
    const { connections } = new SentinelNetwork(this, 'Network', set);
    const secrets = new SentinelSecrets(this, 'Secrets', set);
    this.connections = connections;
    this.nodes = this.defineNodes(set, secrets);
    this.attributes = this.attributesOf(set, secrets);
    warnOfOldMachines(this, set, this.nodes);
  }

  /** A set that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: RedisSentinelAttributes): RedisSentinelReference {
    return new RedisSentinelReference(scope, id, { attributes, ports: servicePorts(attributes.ports) });
  }

  /**
   * The way around this construct: sets any argument of the machines, by its Terraform name.
   *
   * @param node the one machine, counted from 1, that is meant. @default all of them
   * @throws {RangeError} when there is no such machine.
   */
  override(path: string, value: unknown, node?: number): void {
    const chosen = node === undefined ? this.nodes : this.nodes.slice(node - 1, node);
    if (chosen.length === 0) throw new RangeError(`node must be one of 1 to ${this.nodes.length}, got ${node}`);
    for (const { instance } of chosen) instance.addOverride(path, value);
  }

  private attributesOf(set: ResolvedRedisSentinel, { arns, users }: SentinelSecrets): RedisSentinelAttributes {
    const { service, role, masterName, ports, encryptionKeyArn, memoryMiB, instanceType, backup } = set;
    return {
      service,
      role,
      masterName,
      nodes: this.nodes.map(({ reference }) => reference),
      ports,
      username: appUser,
      secrets: { users: arns.users, sentinel: arns.sentinel, authority: arns.authority },
      users,
      administrator: { name: applyUser, secretArn: arns.apply },
      encryptionKeyArn,
      securityGroupId: this.connections.securityGroupId,
      memoryMiB,
      instanceType,
      backup,
    };
  }

  private defineNodes(set: ResolvedRedisSentinel, { arns: secrets }: SentinelSecrets): SentinelNode[] {
    const { service, encryptionKeyArn, backup } = set;
    const bucket = backupBucketOf(this, { encryptionKeyArn, keepDays: backup.keepDays });
    const logGroup = defineLogGroup(this, 'LogGroup', [service], encryptionKeyArn);
    const addresses = new SentinelAddresses(this, 'Addresses', set, this.connections.securityGroupId);
    const imageId = set.imageId ?? this.latestImage(set);
    const machine = this.machineSettings(set, { secrets, bucketName: bucket.bucketName, logGroup: logGroup.name });
    return set.places.map(
      (place, node) =>
        new SentinelNode(this, `Node-${place.number}`, {
          set,
          place,
          imageId,
          networkInterface: addresses.interfaces[node]!,
          resources: {
            secrets,
            userSecrets: set.userSecrets,
            usersDocument: set.usersDocument,
            encryptionKeyArn,
            bucketArn: bucket.bucketArn,
            prefix: service,
            logGroupArn: logGroup.arn,
            first: node === 0,
          },
          userData: (dataVolumeId) => renderUserData({ ...machine, node, dataVolumeId }),
          dependsOn: addresses.records,
        }),
    );
  }

  private machineSettings(set: ResolvedRedisSentinel, { secrets, bucketName, logGroup }: MachineSurroundings) {
    const { name, region } = identityOf(this);
    const { service, masterName, ports, backup, memoryMiB, downAfterMs, failoverTimeoutMs, maxMemoryPolicy, imageId } = set;
    const { userSecrets, usersDocument } = set;
    return {
      environment: name,
      service,
      region,
      masterName,
      nodes: set.places.map((place) => ({ name: place.name, host: place.host })),
      ports,
      settings: { memoryMiB, downAfterMs, failoverTimeoutMs, maxMemoryPolicy },
      secrets,
      users: { secrets: userSecrets, document: `s3://${usersDocument.bucket}/${usersDocument.key}` },
      backup: { ...backup, bucket: bucketName, prefix: service },
      logGroup,
      software: imageId === undefined ? 'amazon-linux' : 'image',
    } as const;
  }

  /** The newest Amazon Linux 2023 when a machine is made; a newer one comes with the machine's replacement. */
  private latestImage({ instanceType }: ResolvedRedisSentinel): string {
    const name = `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architectureOf(instanceType)}`;
    return new DataAwsSsmParameter(this, 'Image', { name }).insecureValue;
  }
}
