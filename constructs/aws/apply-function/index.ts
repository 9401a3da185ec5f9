import type { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { LambdaInvocation } from '@cdktf/provider-aws/lib/lambda-invocation';
import { Construct, Fn } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { readBindingStatements } from '../foundation/binding-access.ts';
import { defineNetworkFunction, type NetworkFunction } from '../foundation/network-function.ts';
import type { ApplyFunctionProps } from './props.ts';

/**
 * The first apply takes seconds. An answer must come before whoever deploys loses the connection, on which nothing is sent meanwhile: NAT gateways of AWS
 * forget one after 350 s.
 */
const timeoutSeconds = 300;

/** Enough for all clients at once; Lambda gives processor time by memory, a third of a core here. */
const memoryMiB = 512;

/**
 * `millrace apply` within the plan: a function in the network of the servers, run by Terraform whenever the topology, the binding or its own code changes.
 *
 * It is told what the deployment means and fails where that is not what it finds, and Terraform fails with it: what did not happen is done by the next
 * deployment. One at a time runs: a second deployment waits, because AWS turns it away and Terraform asks again. It has the rights to administer the services
 * that the topology has objects for, and no others; services never get these.
 */
export class ApplyFunction extends Construct {
  readonly functionName: string;
  readonly logGroupName: string;
  private readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: ApplyFunctionProps) {
    super(scope, id);
    const { network, encryptionKeyArn, binding, code } = props;
    const made = defineNetworkFunction(this, {
      ...{ part: 'apply', description: 'topics, queues, streams and indices as they are declared' },
      ...{ network, encryptionKeyArn, code, memoryMiB, timeoutSeconds, parameterName: binding.parameterName },
      policies: {
        documents: readBindingStatements(identityOf(this), binding, encryptionKeyArn),
        ...Object.fromEntries(Object.entries(props.administers).map(([service, statements]) => [`administer-${service}`, statements])),
      },
    });
    this.function = made.function;
    this.functionName = made.function.functionName;
    this.logGroupName = made.logGroupName;
    this.defineInvocation(props, made);
  }

  /** The way around this construct: sets any argument of the function, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.function.addOverride(path, value);
  }

  /** Replaced, and so run again, whenever what it is run for changes. Its answer stays in the state: a few lines without any secret. */
  private defineInvocation({ binding, topologyHash, allowDestroy = [] }: ApplyFunctionProps, { codeHash }: NetworkFunction): void {
    new LambdaInvocation(this, 'Invocation', {
      functionName: this.function.functionName,
      input: Fn.jsonencode({ generation: binding.generation, topologyHash, allow: [...allowDestroy] }),
      triggers: { topology: topologyHash, binding: binding.generation, code: codeHash },
    });
  }
}
