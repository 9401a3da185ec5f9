import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { logGroupName } from '../../core/naming.ts';

/** What CloudWatch allows, in days. @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const allowedRetentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** The shortest retention that CloudWatch allows and that is not shorter than `days`; ten years at most. */
export function logRetentionDays(days: number): number {
  return allowedRetentionDays.find((allowed) => allowed >= days) ?? allowedRetentionDays[allowedRetentionDays.length - 1]!;
}

/**
 * The log group `/aws/vendedlogs/millrace/ENV/PARTS`, encrypted.
 *
 * @param days how long it is kept. @default as long as the environment says of servers' logs
 */
export function defineLogGroup(
  scope: Construct,
  id: string,
  parts: readonly string[],
  encryptionKeyArn: string,
  days?: number,
): CloudwatchLogGroup {
  const identity = identityOf(scope);
  return new CloudwatchLogGroup(scope, id, {
    name: logGroupName(identity, ...parts),
    retentionInDays: logRetentionDays(days ?? identity.serverLogDays),
    kmsKeyId: encryptionKeyArn,
  });
}
