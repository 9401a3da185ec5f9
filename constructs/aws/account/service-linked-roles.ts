import { DataAwsIamRoles } from '@cdktf/provider-aws/lib/data-aws-iam-roles';
import { IamServiceLinkedRole } from '@cdktf/provider-aws/lib/iam-service-linked-role';
import { Construct, ref, TerraformStack } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';

/**
 * The roles of services that must be there before the first server is; AWS makes those of ElastiCache, MSK, Amazon MQ and Auto Scaling itself, in time.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/slr-aos.html
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
 */
const services = [
  // Without it the first domain in a network is refused.
  { id: 'OpenSearch', name: 'opensearchservice.amazonaws.com', purpose: 'OpenSearch: network interfaces of domains' },
  // AWS makes it with the first cluster, and refuses the service that follows within seconds.
  { id: 'Ecs', name: 'ecs.amazonaws.com', purpose: 'ECS: network interfaces of tasks' },
] as const;

/**
 * The service-linked roles that Millrace's servers need, once an account.
 *
 * An account has one of each, and may have it already: the console makes them, too, and so does AWS. One that is there is taken over as it is (an `import`
 * for each role that IAM finds, which does nothing once the state knows it); one that is not is made. None is ever deleted.
 *
 * @see https://developer.hashicorp.com/terraform/language/import
 */
export class ServiceLinkedRoles extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const imports = services.map(({ id: service, name, purpose }) => this.defineRole(service, name, purpose));
    // cdktf 0.21 knows imports without `for_each` only; Terraform has it from 1.7.
    TerraformStack.of(this).addOverride('import', imports);
  }

  /** All environments of the account stand on a role, also those of other tools: these may have described and tagged it in their way. */
  private defineRole(id: string, awsServiceName: string, description: string): object {
    const role = new IamServiceLinkedRole(this, id, {
      awsServiceName,
      description,
      lifecycle: { ...protectedLifecycle(identityOf(this)).lifecycle, ignoreChanges: ['description', 'tags', 'tags_all'] },
    });
    const found = new DataAwsIamRoles(this, `${id}Found`, { pathPrefix: `/aws-service-role/${awsServiceName}/` });
    return { for_each: `\${${found.fqn}.arns}`, to: `${role.terraformResourceType}.${role.friendlyUniqueId}`, id: ref('each.value') };
  }
}
