import { ElastiCache } from '../../constructs/aws/elasticache/index.ts';
import type { ElastiCacheProps } from '../../constructs/aws/elasticache/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';

/** Three subnets that are no one's. */
export const network = {
  vpcId: 'vpc-1',
  privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
  clients: { securityGroupId: 'sg-clients' },
};
/** All that has to be said. */
export const minimal: ElastiCacheProps = { service: 'cache', role: 'cache', network, encryptionKeyArn: 'arn:aws:kms:key' };

/** A stack with one replication group: `minimal` with `props` over it. */
export function define(
  props: Partial<ElastiCacheProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (cache: ElastiCache) => void = () => undefined,
) {
  return Template.of((stack) => use(new ElastiCache(stack, 'cache', { ...minimal, ...props })), identity);
}
