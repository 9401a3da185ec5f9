import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, resourceName } from '../../core/naming.ts';
import type { PolicyStatement } from '../../core/policy.ts';

/**
 * Alarms of this account whose names begin with `ENV-` may publish to a topic, and nobody may without TLS. Whoever subscribes or publishes by hand needs it
 * from IAM.
 *
 * SNS knows of an alarm its name alone: one of `prod-eu` may publish to a topic of `prod` too, when somebody who may change alarms there names it.
 */
export function topicStatements(identity: EnvironmentIdentity, topicArn: string): PolicyStatement[] {
  return [
    {
      Sid: 'AlarmsOfTheEnvironment',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: topicArn,
      Condition: {
        StringEquals: { 'aws:SourceAccount': identity.account },
        ArnLike: { 'aws:SourceArn': arnOf(identity, 'cloudwatch', `alarm:${resourceName(identity, '*')}`) },
      },
    },
    {
      Sid: 'OverTlsAlone',
      Effect: 'Deny',
      Principal: '*',
      Action: 'sns:Publish',
      Resource: topicArn,
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ];
}

/** Amazon Q Developer in chat applications, which was AWS Chatbot, takes the role for this account's channels. */
export function chatStatement({ account }: EnvironmentIdentity): PolicyStatement {
  return {
    Sid: 'ChatApplications',
    Effect: 'Allow',
    Principal: { Service: 'chatbot.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'aws:SourceAccount': account } },
  };
}

/** What a notification in a channel shows besides its text: the alarm, and a picture of its metric. */
export function showAlarmStatements(identity: EnvironmentIdentity): PolicyStatement[] {
  return [
    {
      Sid: 'ShowAlarms',
      Effect: 'Allow',
      Action: ['cloudwatch:DescribeAlarms', 'cloudwatch:DescribeAlarmHistory'],
      Resource: arnOf(identity, 'cloudwatch', `alarm:${resourceName(identity, '*')}`),
    },
    { Sid: 'ShowMetrics', Effect: 'Allow', Action: ['cloudwatch:GetMetricData', 'cloudwatch:GetMetricWidgetImage'], Resource: '*' },
  ];
}
