import { DataAwsSubnet } from '@cdktf/provider-aws/lib/data-aws-subnet';
import { DefaultSecurityGroup } from '@cdktf/provider-aws/lib/default-security-group';
import { RouteTable } from '@cdktf/provider-aws/lib/route-table';
import { RouteTableAssociation } from '@cdktf/provider-aws/lib/route-table-association';
import { Subnet } from '@cdktf/provider-aws/lib/subnet';
import { Vpc } from '@cdktf/provider-aws/lib/vpc';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import { Endpoints } from './endpoints.ts';
import { FlowLogs } from './flow-logs.ts';
import { Peering } from './peering.ts';
import type { NetworkAttributes, NetworkEndpoints, NetworkProps, NetworkReference, PlacedSubnet } from './props.ts';
import { type ResolvedNetwork, resolveNetwork } from './resolve.ts';
import { allowToUnknownEndpoints } from './unknown-endpoints.ts';
import { networkRules } from './validate.ts';

export type { NetworkReference } from './props.ts';

/**
 * A network of its own for an environment: a private subnet in every zone, no internet gateway and no NAT, so nothing in it reaches the world.
 *
 * AWS services are reached through endpoints, VPCs of the same account through peerings; the default security group is closed; connections are logged.
 *
 * The network and its subnets are protected like data: what stands in them goes with them.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 */
export class Network extends Construct implements NetworkReference {
  readonly vpcId: string;
  readonly privateSubnetIds: readonly string[];
  readonly clients: SecurityGroup;
  readonly endpoints: NetworkEndpoints;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const network = resolveNetwork(props, identityOf(this));
    validate('network', networkRules, network);
    this.vpcId = this.defineVpc(network).id;
    const routeTableId = this.defineRouteTable().id;
    this.privateSubnetIds = this.defineSubnets(network, routeTableId);
    this.clients = defineClients(this, this.vpcId);
    this.endpoints = new Endpoints(this, 'Endpoints', {
      ...network,
      vpcId: this.vpcId,
      privateSubnetIds: this.privateSubnetIds,
      routeTableId,
      clients: this.clients,
    });
    for (const peer of network.peers)
      new Peering(this, `Peer-${peer.vpcId}`, { vpcId: this.vpcId, cidr: network.cidr, routeTableId, peer });
    if (network.flowLogs) new FlowLogs(this, 'FlowLogs', { vpcId: this.vpcId, encryptionKeyArn: network.encryptionKeyArn });
  }

  /**
   * A network that someone else keeps: all that is added is the clients' security group, with the way to AWS services.
   *
   * It must have interface endpoints in its first range (those of `defaultInterfaceEndpoints`, and `sts` where a topology has indices) and a gateway endpoint
   * of S3: the group lets nobody out to the world. Each subnet is looked up, so that a plan fails where it is not in the zone that it is said to be in.
   */
  static fromAttributes(scope: Construct, id: string, { vpcId, privateSubnets }: NetworkAttributes): NetworkReference {
    const place = new Construct(scope, id);
    for (const subnet of privateSubnets) lookUp(place, subnet, vpcId);
    const clients = defineClients(place, vpcId);
    allowToUnknownEndpoints(place, clients, vpcId);
    return { vpcId, privateSubnetIds: privateSubnets.map((subnet) => subnet.id), clients };
  }

  private defineVpc({ cidr }: ResolvedNetwork): Vpc {
    const identity = identityOf(this);
    const name = resourceName(identity, 'network');
    const vpc = new Vpc(this, 'Resource', {
      cidrBlock: cidr,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: name },
      ...protectedLifecycle(identity),
    });
    // Without rules: whoever forgets to name a group gets one that is closed.
    new DefaultSecurityGroup(this, 'DefaultSecurityGroup', { vpcId: vpc.id, tags: { Name: `${name}-closed` } });
    return vpc;
  }

  private defineRouteTable(): RouteTable {
    return new RouteTable(this, 'Routes', { vpcId: this.vpcId, tags: { Name: resourceName(identityOf(this), 'private') } });
  }

  private defineSubnets({ zones, privateRanges }: ResolvedNetwork, routeTableId: string): string[] {
    const identity = identityOf(this);
    return zones.map((availabilityZone, index) => {
      const letter = availabilityZone.slice(-1);
      const subnet = new Subnet(this, `Private-${letter}`, {
        vpcId: this.vpcId,
        availabilityZone,
        cidrBlock: privateRanges[index]!,
        mapPublicIpOnLaunch: false,
        tags: { Name: resourceName(identity, 'private', letter) },
        ...protectedLifecycle(identity),
      });
      new RouteTableAssociation(this, `Routes-${letter}`, { subnetId: subnet.id, routeTableId });
      return subnet.id;
    });
  }
}

function defineClients(scope: Construct, vpcId: string): SecurityGroup {
  return new SecurityGroup(scope, 'Clients', { vpcId, name: 'clients', description: 'processes that use the servers of the environment' });
}

function lookUp(scope: Construct, { id, zone }: PlacedSubnet, vpcId: string): void {
  new DataAwsSubnet(scope, `Subnet-${id}`, {
    id,
    lifecycle: {
      postcondition: [
        {
          condition: `\${self.availability_zone == "${zone}" && self.vpc_id == "${vpcId}"}`,
          errorMessage: `subnet ${id} must be in the zone ${zone} and the network ${vpcId}, as the environment says`,
        },
      ],
    },
  });
}
