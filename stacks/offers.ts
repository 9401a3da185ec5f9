import { IamPolicy } from '@cdktf/provider-aws/lib/iam-policy';
import { TerraformOutput } from '../constructs/core/framework.ts';
import { resourceName } from '../constructs/core/naming.ts';
import { type PolicyStatement, policyDocument } from '../constructs/core/policy.ts';
import type { AwsStack } from './base.ts';

/** One right, made a policy that roles of services attach. */
export interface Offer {
  /** Parts of the policy's name after that of the environment: the service and the verb. */
  readonly name: readonly string[];
  /** Shown in the console. */
  readonly description: string;
  readonly statements: readonly PolicyStatement[];
}

/** Defines the policy `ENV-NAME`; its ARN is the output `NAME_policy_arn`, the parts joined by underscores. */
export function definePolicy(stack: AwsStack, { name, description, statements }: Offer): void {
  const policy = new IamPolicy(stack, name.join('-'), {
    name: resourceName(stack.identity, ...name),
    description,
    policy: policyDocument(statements),
  });
  new TerraformOutput(stack, `${name.join('_')}_policy_arn`, { value: policy.arn });
}
