import { IamPolicy } from '@cdktf/provider-aws/lib/iam-policy';
import { ElastiCache } from '../constructs/aws/elasticache/index.ts';
import type { NetworkReference } from '../constructs/aws/network/index.ts';
import { mergeFragments } from '../constructs/core/binding.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import { resourceName } from '../constructs/core/naming.ts';
import { policyDocument } from '../constructs/core/policy.ts';
import type { ServiceDeclaration } from '../environments/schema.ts';
import type { BindingFragment } from '../runtime/src/contracts/binding.ts';
import { AwsStack, type AwsStackProps } from './base.ts';

export interface CacheStackProps extends AwsStackProps {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** The services of kind `redis`, by name. */
  readonly services: Readonly<Record<string, Extract<ServiceDeclaration, { kind: 'redis' }>>>;
}

/** Every ElastiCache server of an environment, one replication group a service. */
export class CacheStack extends AwsStack {
  readonly fragment: BindingFragment;

  constructor(scope: Construct, props: CacheStackProps) {
    super(scope, 'cache', props);
    const { network, encryptionKeyArn, services } = props;
    const caches = Object.entries(services).map(
      ([service, { role, overrides }]) =>
        new ElastiCache(this, service, { service, role, network, encryptionKeyArn, ...(overrides === undefined ? {} : { overrides }) }),
    );
    this.fragment = mergeFragments(caches.map((cache) => cache.binding()));
    for (const cache of caches) this.definePolicy(cache);
    new TerraformOutput(this, 'binding_fragment', { value: this.fragment });
  }

  /** The grant as a policy that a service's role attaches; its ARN is an output. */
  private definePolicy(cache: ElastiCache): void {
    const { service } = cache.attributes;
    const policy = new IamPolicy(this, `${service}-connect`, {
      name: resourceName(this.identity, service, 'connect'),
      description: `connect to ${service} as its user in the binding`,
      policy: policyDocument(cache.connectStatements()),
    });
    new TerraformOutput(this, `${service}_connect_policy_arn`, { value: policy.arn });
  }
}
