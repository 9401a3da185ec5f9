import { NetworkInterface } from '@cdktf/provider-aws/lib/network-interface';
import { Route53Record } from '@cdktf/provider-aws/lib/route53-record';
import { Route53Zone } from '@cdktf/provider-aws/lib/route53-zone';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import type { ResolvedRedisSentinel, SentinelPlace } from './resolve.ts';

/** The address of a node never changes, so this only bounds how long a mistake lives. */
const recordTtlSeconds = 60;

/**
 * Names and addresses that outlive the machines: a private zone with a record for each node, on a network interface of its own.
 *
 * Sentinels and clients know nodes by these names, certificates hold them; a new machine takes over the interface of the one before it.
 */
export class SentinelAddresses extends Construct {
  /** One a node, in their order. */
  readonly interfaces: readonly NetworkInterface[];
  /** To wait for: a name that is asked for too early is remembered as missing for minutes. */
  readonly records: readonly Route53Record[];

  constructor(scope: Construct, id: string, set: ResolvedRedisSentinel, securityGroupId: string) {
    super(scope, id);
    const { zoneId } = new Route53Zone(this, 'Zone', {
      name: set.zoneName,
      comment: `nodes of ${set.service}`,
      vpc: [{ vpcId: set.network.vpcId }],
    });
    this.interfaces = set.places.map((place) => this.defineInterface(place, securityGroupId));
    this.records = set.places.map(({ number, host }, index) => {
      const records = [this.interfaces[index]!.privateIp];
      return new Route53Record(this, `Record-${number}`, { zoneId, name: host, type: 'A', ttl: recordTtlSeconds, records });
    });
  }

  private defineInterface({ number, name, subnetId }: SentinelPlace, securityGroupId: string): NetworkInterface {
    return new NetworkInterface(this, `Interface-${number}`, {
      subnetId,
      securityGroups: [securityGroupId],
      description: `address of ${name}`,
      tags: { Name: resourceName(identityOf(this), name) },
    });
  }
}
