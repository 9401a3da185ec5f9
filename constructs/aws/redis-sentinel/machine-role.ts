import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { policyDocument } from '../../core/policy.ts';
import { type MachineResources, machineStatements } from './permissions.ts';

/** The role of one machine, in the profile through which EC2 hands it over. */
export class MachineRole extends Construct {
  readonly profileName: string;
  readonly policy: IamRolePolicy;

  constructor(scope: Construct, id: string, { name, ...resources }: MachineResources & { readonly name: string }) {
    super(scope, id);
    const identity = identityOf(this);
    const fullName = resourceName(identity, name);
    const role = new IamRole(this, 'Resource', {
      name: fullName,
      description: `the machine ${name}`,
      assumeRolePolicy: policyDocument([
        { Sid: 'Machines', Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ]),
    });
    const policy = policyDocument(machineStatements(identity, resources));
    this.policy = new IamRolePolicy(this, 'Policy', { name: 'machine', role: role.name, policy });
    this.profileName = new IamInstanceProfile(this, 'Profile', { name: fullName, role: role.name }).name;
  }
}
