import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import type { Construct } from '../../core/framework.ts';
import { type Grantee, type PolicyStatement, policyDocument } from '../../core/policy.ts';

/** Gives a role `statements` as a policy of its own named `name`, and returns them. */
export function grantToRole(
  scope: Construct,
  id: string,
  { grantee, name, statements }: { readonly grantee: Grantee; readonly name: string; readonly statements: readonly PolicyStatement[] },
): readonly PolicyStatement[] {
  new IamRolePolicy(scope, id, { name, role: grantee.roleName, policy: policyDocument(statements) });
  return statements;
}
