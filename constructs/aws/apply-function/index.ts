import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { LambdaInvocation } from '@cdktf/provider-aws/lib/lambda-invocation';
import { AssetType, Construct, Fn, TerraformAsset } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { policyDocument } from '../../core/policy.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import type { ApplyFunctionProps } from './props.ts';
import { type ResolvedApplyFunction, resolveApplyFunction } from './resolve.ts';
import { functionPolicies, lambdaAlone } from './statements.ts';

/**
 * `millrace apply` within the plan: a function in the network of the servers, run by Terraform whenever the topology, the binding or its own code changes.
 *
 * It is told what the deployment means and fails where that is not what it finds, and Terraform fails with it: what did not happen is done by the next
 * deployment. One at a time runs. It has the rights to administer the services that the topology has objects for, and no others; services never get these.
 *
 * Terraform takes the code from a file beside the plan and its hash from there, so a plan does not change with the code.
 */
export class ApplyFunction extends Construct {
  readonly functionName: string;
  readonly logGroupName: string;
  private readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: ApplyFunctionProps) {
    super(scope, id);
    const resolved = resolveApplyFunction(props, identityOf(this));
    const { name: logGroup } = defineLogGroup(this, 'Logs', resolved.logParts, resolved.encryptionKeyArn);
    // With a hash of the content the plan would hold it.
    const { path: code } = new TerraformAsset(this, 'Code', { path: resolved.code, type: AssetType.FILE, assetHash: 'code' });
    this.function = this.defineFunction(resolved, code, logGroup);
    this.functionName = this.function.functionName;
    this.logGroupName = logGroup;
    this.defineInvocation(resolved, code);
  }

  /** The way around this construct: sets any argument of the function, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.function.addOverride(path, value);
  }

  private defineFunction(resolved: ResolvedApplyFunction, code: string, logGroup: string): LambdaFunction {
    const { name, network, binding, encryptionKeyArn } = resolved;
    const role = new IamRole(this, 'Role', { name, description: `program of ${name}`, assumeRolePolicy: policyDocument([lambdaAlone]) });
    const policies = Object.entries(functionPolicies(resolved)).map(
      ([policy, statements]) => new IamRolePolicy(this, policy, { name: policy, role: role.name, policy: policyDocument(statements) }),
    );
    return new LambdaFunction(this, 'Resource', {
      functionName: name,
      description: 'topics, queues, streams and indices as they are declared',
      role: role.arn,
      runtime: 'nodejs22.x',
      architectures: ['arm64'],
      handler: 'index.handler',
      filename: code,
      sourceCodeHash: Fn.filebase64sha256(code),
      memorySize: resolved.memoryMiB,
      timeout: resolved.timeoutSeconds,
      // A second deployment waits: AWS turns it away, and Terraform asks again.
      reservedConcurrentExecutions: 1,
      vpcConfig: { subnetIds: [...network.privateSubnetIds], securityGroupIds: [network.clients.securityGroupId] },
      environment: { variables: { MILLRACE_BINDING: `ssm:${binding.parameterName}` } },
      kmsKeyArn: encryptionKeyArn,
      tracingConfig: { mode: 'Active' },
      loggingConfig: { logFormat: 'JSON', logGroup, applicationLogLevel: 'INFO', systemLogLevel: 'WARN' },
      // Lambda refuses a function in a network whose role may not stand there.
      dependsOn: policies,
    });
  }

  /** Replaced, and so run again, whenever what it is run for changes. Its answer stays in the state: a few lines without any secret. */
  private defineInvocation({ binding, topologyHash, allowDestroy }: ResolvedApplyFunction, code: string): void {
    new LambdaInvocation(this, 'Invocation', {
      functionName: this.function.functionName,
      input: Fn.jsonencode({ generation: binding.generation, topologyHash, allow: [...allowDestroy] }),
      triggers: { topology: topologyHash, binding: binding.generation, code: Fn.filebase64sha256(code) },
    });
  }
}
