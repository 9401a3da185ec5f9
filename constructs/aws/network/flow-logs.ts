import { FlowLog } from '@cdktf/provider-aws/lib/flow-log';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { policyDocument } from '../../core/policy.ts';
import { defineLogGroup } from '../foundation/log-group.ts';

/** Who spoke with whom in a network, accepted and rejected, in an encrypted log group. */
export class FlowLogs extends Construct {
  constructor(scope: Construct, id: string, { vpcId, encryptionKeyArn }: { readonly vpcId: string; readonly encryptionKeyArn: string }) {
    super(scope, id);
    const name = resourceName(identityOf(this), 'flow-logs');
    const logGroup = defineLogGroup(this, 'LogGroup', ['network', 'flow-logs'], encryptionKeyArn);
    const role = this.defineWriter(name, logGroup.arn);
    new FlowLog(this, 'Resource', {
      vpcId,
      trafficType: 'ALL',
      maxAggregationInterval: 60,
      logDestinationType: 'cloud-watch-logs',
      logDestination: logGroup.arn,
      iamRoleArn: role.arn,
      tags: { Name: name },
    });
  }

  private defineWriter(name: string, logGroupArn: string): IamRole {
    const { account } = identityOf(this);
    const role = new IamRole(this, 'Writer', {
      name,
      description: 'writes the flow logs of the network',
      assumeRolePolicy: policyDocument([
        {
          Sid: 'FlowLogsOfThisAccount',
          Effect: 'Allow',
          Principal: { Service: 'vpc-flow-logs.amazonaws.com' },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'aws:SourceAccount': account } },
        },
      ]),
    });
    new IamRolePolicy(this, 'WriterPolicy', {
      name: 'write',
      role: role.name,
      policy: policyDocument([
        {
          Sid: 'WriteThisLogGroup',
          Effect: 'Allow',
          Action: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
          Resource: [logGroupArn, `${logGroupArn}:*`],
        },
      ]),
    });
    return role;
  }
}
