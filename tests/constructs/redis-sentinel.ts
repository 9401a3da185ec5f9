import { RedisSentinel } from '../../constructs/aws/redis-sentinel/index.ts';
import type { RedisSentinelProps } from '../../constructs/aws/redis-sentinel/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';

/** Three subnets that are no one's, with their ways to AWS services. */
export const network = {
  vpcId: 'vpc-1',
  privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
  clients: { securityGroupId: 'sg-clients' },
  endpoints: { interfaces: { securityGroupId: 'sg-endpoints' }, s3PrefixListId: 'pl-s3' },
};
/** All that has to be said. */
export const minimal: RedisSentinelProps = { service: 'events', role: 'events', network, encryptionKeyArn: 'arn:aws:kms:key' };

/** A stack with one set: `minimal` with `props` over it. */
export function define(
  props: Partial<RedisSentinelProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (set: RedisSentinel) => void = () => undefined,
): Template {
  return Template.of((stack) => use(new RedisSentinel(stack, 'events', { ...minimal, ...props })), identity);
}
