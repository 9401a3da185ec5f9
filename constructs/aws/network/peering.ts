import { Route } from '@cdktf/provider-aws/lib/route';
import { VpcPeeringConnection } from '@cdktf/provider-aws/lib/vpc-peering-connection';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import type { NetworkPeer } from './props.ts';

export interface PeeringProps {
  readonly vpcId: string;
  /** Range of the network, for the way back. */
  readonly cidr: string;
  readonly routeTableId: string;
  readonly peer: NetworkPeer;
}

/**
 * The way to a VPC that exists, in the same account and region: packets go both ways, and who may send them the security groups decide, which may name
 * groups of the other VPC. Gateways of that VPC are not reached: a peering leads to addresses within the two ranges alone.
 *
 * Public names of the other VPC resolve to its private addresses; for that it must have DNS support and DNS hostnames switched on.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
 */
export class Peering extends Construct {
  constructor(scope: Construct, id: string, { vpcId, cidr, routeTableId, peer }: PeeringProps) {
    super(scope, id);
    const { id: vpcPeeringConnectionId } = new VpcPeeringConnection(this, 'Resource', {
      vpcId,
      peerVpcId: peer.vpcId,
      autoAccept: true,
      // A database with a public address must not be looked for at it: nothing of the network goes there.
      accepter: { allowRemoteVpcDnsResolution: true },
      tags: { Name: resourceName(identityOf(this), peer.vpcId) },
    });
    new Route(this, 'Out', { routeTableId, destinationCidrBlock: peer.cidr, vpcPeeringConnectionId });
    for (const theirs of peer.routeTableIds) {
      new Route(this, `Back-${theirs}`, { routeTableId: theirs, destinationCidrBlock: cidr, vpcPeeringConnectionId });
    }
  }
}
