import type { EnvironmentIdentity } from './identity.ts';

const partitions = [
  { prefix: 'cn-', partition: 'aws-cn' },
  { prefix: 'us-gov-', partition: 'aws-us-gov' },
] as const;

/** `ENV-part-part`: the name of a resource in the account. */
export function resourceName({ name }: Pick<EnvironmentIdentity, 'name'>, ...parts: readonly string[]): string {
  return [name, ...parts].join('-');
}

/** `/millrace/ENV/part/part`: the name of a parameter. */
export function parameterName({ name }: Pick<EnvironmentIdentity, 'name'>, ...parts: readonly string[]): string {
  return ['/millrace', name, ...parts].join('/');
}

/**
 * `/aws/vendedlogs/millrace/ENV/part/part`: the name of a log group that an AWS service writes to.
 *
 * Under this prefix AWS keeps one resource policy for all groups; elsewhere every delivery adds to a policy of at most 5,120 characters.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
 */
export function logGroupName({ name }: Pick<EnvironmentIdentity, 'name'>, ...parts: readonly string[]): string {
  return ['/aws/vendedlogs/millrace', name, ...parts].join('/');
}

/** The ARN of a resource of this account, or of the one that is named, and region. */
export function arnOf(identity: EnvironmentIdentity, service: string, resource: string, account = identity.account): string {
  return `arn:${partitionOf(identity.region)}:${service}:${identity.region}:${account}:${resource}`;
}

/** The ARN of a resource whose name is the same in all accounts and regions (a bucket), or that is of no region (a role). */
export function globalArnOf(identity: EnvironmentIdentity, service: string, resource: string, account = ''): string {
  return `arn:${partitionOf(identity.region)}:${service}::${account}:${resource}`;
}

function partitionOf(region: string): string {
  return partitions.find(({ prefix }) => region.startsWith(prefix))?.partition ?? 'aws';
}
