import { DataAwsEc2ManagedPrefixList } from '@cdktf/provider-aws/lib/data-aws-ec2-managed-prefix-list';
import { DataAwsVpc } from '@cdktf/provider-aws/lib/data-aws-vpc';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { allowTcp, Connections, type ServicePort } from '../foundation/connections.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import type { NetworkReference } from '../network/index.ts';
import type { RedisSentinelAttributes } from './props.ts';
import type { ResolvedRedisSentinel } from './resolve.ts';

const https = 443;

/** Redis first: what listens on every machine. */
export function servicePorts({ redis, sentinel }: RedisSentinelAttributes['ports']): ServicePort[] {
  return [
    { port: redis, description: 'Redis' },
    { port: sentinel, description: 'Sentinel' },
  ];
}

/** Who may speak with the machines of a set, and with whom they may: its clients, each other, AWS services. Nothing leads to the world. */
export class SentinelNetwork extends Construct {
  readonly group: SecurityGroup;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, { service, network, ports }: ResolvedRedisSentinel) {
    super(scope, id);
    this.group = new SecurityGroup(this, 'SecurityGroup', { vpcId: network.vpcId, name: service, description: `machines of ${service}` });
    const { securityGroupId } = this.group;
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: servicePorts(ports) });
    this.connections.allowFrom('Clients', network.clients);
    this.connections.allowAmongMembers('Members', servicePorts(ports));
    if (network.endpoints === undefined) this.allowToUnknownEndpoints(network);
    else this.allowToEndpoints(network.endpoints);
  }

  private allowToEndpoints({ interfaces, s3PrefixListId }: NonNullable<NetworkReference['endpoints']>): void {
    this.group.allowToService('S3Out', s3PrefixListId, { port: https, description: 'S3 through its gateway endpoint' });
    if (interfaces === undefined) return;
    allowTcp(this, 'Services', { client: this.group, server: interfaces, port: https, description: 'machines of Redis to AWS services' });
  }

  /** In someone else's network the endpoints' group is not known; their addresses are those of the network. */
  private allowToUnknownEndpoints({ vpcId }: NetworkReference): void {
    const name = `com.amazonaws.${identityOf(this).region}.s3`;
    const { id } = new DataAwsEc2ManagedPrefixList(this, 'S3', { name });
    this.group.allowToService('S3Out', id, { port: https, description: 'S3 through its gateway endpoint' });
    new VpcSecurityGroupEgressRule(this, 'ServicesOut', {
      securityGroupId: this.group.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: https,
      toPort: https,
      cidrIpv4: new DataAwsVpc(this, 'Vpc', { id: vpcId }).cidrBlock,
      description: 'AWS services through interface endpoints of the network',
    });
  }
}
