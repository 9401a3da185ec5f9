import { CloudwatchLogResourcePolicy } from '@cdktf/provider-aws/lib/cloudwatch-log-resource-policy';
import { Construct } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { arnOf } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';

interface LogWriter {
  readonly sid: string;
  /** Principal of the service. */
  readonly principal: string;
  /** Beginning of the names of the groups that it writes to. */
  readonly groups: string;
  /** What its requests are made for, after the service's part of an ARN. */
  readonly source: readonly [service: string, resource: string];
}

const vended = '/aws/vendedlogs/millrace/';

/** ElastiCache and MSK hand their logs to the delivery of CloudWatch; the others write themselves. */
const writers: readonly LogWriter[] = [
  { sid: 'DeliveredLogs', principal: 'delivery.logs.amazonaws.com', groups: vended, source: ['logs', '*'] },
  { sid: 'SearchLogs', principal: 'es.amazonaws.com', groups: vended, source: ['es', 'domain/*'] },
  { sid: 'BrokerLogs', principal: 'mq.amazonaws.com', groups: '/aws/amazonmq/', source: ['mq', 'broker:*'] },
];

/** What CloudWatch knows in such a policy; it has no others. @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html */
const actions = ['logs:CreateLogStream', 'logs:PutLogEvents'];

/**
 * Lets AWS's services write the logs of every environment of this account and region, on behalf of this account alone.
 *
 * One policy for all of them: a region has room for ten, and modules that make one a server run out of them.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
 */
export class LogDelivery extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const identity = identityOf(this);
    const policy = policyDocument(writers.map((writer) => statementOf(writer, identity)));
    new CloudwatchLogResourcePolicy(this, 'Resource', { policyName: 'millrace', policyDocument: policy });
  }
}

function statementOf({ sid, principal, groups, source }: LogWriter, identity: EnvironmentIdentity): PolicyStatement {
  return {
    Sid: sid,
    Effect: 'Allow',
    Principal: { Service: principal },
    Action: actions,
    Resource: arnOf(identity, 'logs', `log-group:${groups}*:log-stream:*`),
    Condition: {
      StringEquals: { 'aws:SourceAccount': identity.account },
      ArnLike: { 'aws:SourceArn': arnOf(identity, ...source) },
    },
  };
}
