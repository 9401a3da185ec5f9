import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import type { SnapshotAttributes } from './props.ts';
import type { ResolvedOpenSearch } from './resolve.ts';
import { everyRequestStatement, passSnapshotRole } from './statements.ts';

/**
 * The master user of a domain: a role, so there is no password anywhere.
 *
 * Whoever assumes it may do everything within the domain (roles and their mapping, index templates, lifecycles, snapshots) and nothing to the domain itself.
 */
export class MasterRole extends Construct {
  readonly roleArn: string;

  constructor(scope: Construct, id: string, domain: ResolvedOpenSearch, snapshots: SnapshotAttributes | undefined) {
    super(scope, id);
    const { service, domainArn } = domain;
    const role = new IamRole(this, 'Resource', {
      name: resourceName(identityOf(this), service, 'master'),
      description: `master user of ${service}`,
      assumeRolePolicy: policyDocument(domain.masterRolePrincipals.map(mayAssume)),
    });
    new IamRolePolicy(this, 'Policy', {
      name: 'administer',
      role: role.name,
      policy: policyDocument([everyRequestStatement(domainArn), ...(snapshots === undefined ? [] : [passSnapshotRole(snapshots.roleArn)])]),
    });
    this.roleArn = role.arn;
  }
}

/** One statement for each, because IAM keeps lists of principals in an order of its own. */
function mayAssume(principal: string, index: number): PolicyStatement {
  return { Sid: `Principal${index + 1}`, Effect: 'Allow', Principal: { AWS: principal }, Action: 'sts:AssumeRole' };
}
