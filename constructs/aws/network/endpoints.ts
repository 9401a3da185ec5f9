import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { policyDocument } from '../../core/policy.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import type { NetworkEndpoints } from './props.ts';

export interface EndpointsProps {
  readonly vpcId: string;
  readonly privateSubnetIds: readonly string[];
  readonly routeTableId: string;
  readonly clients: SecurityGroup;
  readonly interfaceEndpoints: readonly string[];
  readonly readableBucketArns: readonly string[];
}

const https = 443;

/** The ways out of a network without internet: S3 through its routes, other AWS services through interfaces in its subnets. */
export class Endpoints extends Construct implements NetworkEndpoints {
  readonly s3PrefixListId: string;
  declare readonly interfaces?: SecurityGroup;

  constructor(scope: Construct, id: string, props: EndpointsProps) {
    super(scope, id);
    this.s3PrefixListId = this.defineS3(props);
    if (props.interfaceEndpoints.length > 0) this.interfaces = this.defineInterfaces(props);
  }

  private defineS3({ vpcId, routeTableId, clients, readableBucketArns }: EndpointsProps): string {
    const identity = identityOf(this);
    const endpoint = new VpcEndpoint(this, 'S3', {
      vpcId,
      serviceName: `com.amazonaws.${identity.region}.s3`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [routeTableId],
      policy: policyDocument([
        {
          Sid: 'BucketsOfThisAccount',
          Effect: 'Allow',
          Principal: '*',
          Action: 's3:*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:ResourceAccount': identity.account } },
        },
        { Sid: 'ReadableBuckets', Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: readableBucketArns },
      ]),
      tags: { Name: resourceName(identity, 's3') },
    });
    clients.allowToService('S3Out', endpoint.prefixListId, { port: https, description: 'S3 through its gateway endpoint' });
    return endpoint.prefixListId;
  }

  private defineInterfaces({ vpcId, privateSubnetIds, clients, interfaceEndpoints }: EndpointsProps): SecurityGroup {
    const identity = identityOf(this);
    const group = new SecurityGroup(this, 'SecurityGroup', {
      vpcId,
      name: 'endpoints',
      description: 'interface endpoints of AWS services',
    });
    group.allowFrom('Clients', clients, { port: https, description: 'clients to AWS services' });
    for (const name of interfaceEndpoints) {
      new VpcEndpoint(this, name, {
        vpcId,
        serviceName: `com.amazonaws.${identity.region}.${name}`,
        vpcEndpointType: 'Interface',
        subnetIds: [...privateSubnetIds],
        securityGroupIds: [group.securityGroupId],
        privateDnsEnabled: true,
        tags: { Name: resourceName(identity, name.replaceAll('.', '-')) },
      });
    }
    return group;
  }
}
