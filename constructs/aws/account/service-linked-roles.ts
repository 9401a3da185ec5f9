import { IamServiceLinkedRole } from '@cdktf/provider-aws/lib/iam-service-linked-role';
import { Construct } from '../../core/framework.ts';
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
 * An account has one of each: where one exists already (the console makes them, too) this fails with `has been taken in this account`.
 */
export class ServiceLinkedRoles extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    for (const { id: service, name, purpose } of services) {
      // All environments of the account stand on it, also those of other tools.
      new IamServiceLinkedRole(this, service, { awsServiceName: name, description: purpose, ...protectedLifecycle(identityOf(this)) });
    }
  }
}
