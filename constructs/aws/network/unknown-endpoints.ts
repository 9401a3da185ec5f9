import { DataAwsEc2ManagedPrefixList } from '@cdktf/provider-aws/lib/data-aws-ec2-managed-prefix-list';
import { DataAwsVpc } from '@cdktf/provider-aws/lib/data-aws-vpc';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import type { SecurityGroup } from '../foundation/security-group.ts';

const https = 443;

/**
 * Lets members of `group` out to AWS services in a network that someone else keeps: the group of its interface endpoints is not known, but their addresses
 * are those of the network, in its first range. S3 is reached through its gateway endpoint.
 */
export function allowToUnknownEndpoints(scope: Construct, group: SecurityGroup, vpcId: string): void {
  const name = `com.amazonaws.${identityOf(scope).region}.s3`;
  const { id } = new DataAwsEc2ManagedPrefixList(scope, 'S3', { name });
  group.allowToService('S3Out', id, { port: https, description: 'S3 through its gateway endpoint' });
  new VpcSecurityGroupEgressRule(scope, 'ServicesOut', {
    securityGroupId: group.securityGroupId,
    ipProtocol: 'tcp',
    fromPort: https,
    toPort: https,
    cidrIpv4: new DataAwsVpc(scope, 'Vpc', { id: vpcId }).cidrBlock,
    description: 'AWS services through interface endpoints of the network',
  });
}
