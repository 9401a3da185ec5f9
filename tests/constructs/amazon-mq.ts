import { AmazonMq } from '../../constructs/aws/amazon-mq/index.ts';
import type { AmazonMqProps } from '../../constructs/aws/amazon-mq/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';

/** Three subnets that are no one's. */
export const network = {
  vpcId: 'vpc-1',
  privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
  clients: { securityGroupId: 'sg-clients' },
};
/** All that has to be said. */
export const minimal: AmazonMqProps = { service: 'tasks', role: 'tasks', network, encryptionKeyArn: 'arn:aws:kms:key' };

/** A stack with one broker: `minimal` with `props` over it. */
export function define(
  props: Partial<AmazonMqProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (broker: AmazonMq) => void = () => undefined,
): Template {
  return Template.of((stack) => use(new AmazonMq(stack, 'tasks', { ...minimal, ...props })), identity);
}

/** What the template has besides resources. */
export interface Rest {
  readonly data: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly import?: readonly { readonly to: string; readonly id: string }[];
  readonly ephemeral: Readonly<Record<string, object>>;
}

export function restOf(template: Template): Rest {
  return JSON.parse(template.text) as Rest;
}
