import type { TerraformResourceLifecycle } from './framework.ts';
import type { EnvironmentIdentity } from './identity.ts';

/**
 * Types of resources that cannot be made again from the repository: what holds data, or what data cannot be read or reached without.
 *
 * Each of them has `protectedLifecycle`, and `stacks/guard.ts` looks for each in what a plan deletes.
 */
export const keptTypes = [
  'aws_ebs_volume',
  'aws_ecr_repository',
  'aws_elasticache_replication_group',
  'aws_elasticache_serverless_cache',
  'aws_iam_service_linked_role',
  'aws_kms_key',
  'aws_mq_broker',
  'aws_msk_cluster',
  'aws_msk_serverless_cluster',
  'aws_opensearch_domain',
  'aws_s3_bucket',
  'aws_subnet',
  'aws_vpc',
  'docker_volume',
] as const;

/**
 * The lifecycle of a resource of `keptTypes`: in a protected environment Terraform refuses every plan that would destroy or replace it.
 *
 * It protects what is declared, and nothing else: with a resource its lifecycle leaves the configuration, and Terraform deletes what it no longer finds
 * there. A service that is taken out of the declaration, gets another name or another form is what `make deploy` refuses beforehand (`stacks/guard.ts`).
 *
 * To destroy it all the same: set `protection.deletion` to false in the environment, deploy that, then destroy.
 */
export function protectedLifecycle({ deletionProtection }: Pick<EnvironmentIdentity, 'deletionProtection'>): {
  readonly lifecycle?: TerraformResourceLifecycle;
} {
  return deletionProtection ? { lifecycle: { preventDestroy: true } } : {};
}
