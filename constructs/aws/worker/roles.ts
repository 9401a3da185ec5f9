import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import type { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { IamRolePolicy as Policy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { arnOf } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';

export interface TaskRoleProps {
  readonly name: string;
  readonly description: string;
  /** Policies of the role by name; several, because ids of statements must differ within one. */
  readonly policies: Readonly<Record<string, readonly PolicyStatement[]>>;
}

/** A role that tasks of this account alone may assume, through ECS. */
export class TaskRole extends Construct {
  readonly roleArn: string;
  readonly roleName: string;
  /** What must stand before a task starts. */
  readonly policies: readonly IamRolePolicy[];

  constructor(scope: Construct, id: string, { name, description, policies }: TaskRoleProps) {
    super(scope, id);
    const role = new IamRole(this, 'Resource', { name, description, assumeRolePolicy: policyDocument([this.tasksOfThisAccount()]) });
    this.roleArn = role.arn;
    this.roleName = role.name;
    this.policies = Object.entries(policies).map(
      ([policy, statements]) => new Policy(this, policy, { name: policy, role: role.name, policy: policyDocument(statements) }),
    );
  }

  /** The conditions keep ECS from acting for tasks of another account. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html */
  private tasksOfThisAccount(): PolicyStatement {
    const identity = identityOf(this);
    return {
      Sid: 'Tasks',
      Effect: 'Allow',
      Principal: { Service: 'ecs-tasks.amazonaws.com' },
      Action: 'sts:AssumeRole',
      Condition: {
        StringEquals: { 'aws:SourceAccount': identity.account },
        ArnLike: { 'aws:SourceArn': arnOf(identity, 'ecs', '*') },
      },
    };
  }
}
