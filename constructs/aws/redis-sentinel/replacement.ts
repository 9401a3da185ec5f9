import { type Construct, TerraformLocal, TerraformStack } from '../../core/framework.ts';
import type { SentinelNode } from './node.ts';
import type { ResolvedRedisSentinel } from './resolve.ts';

/**
 * Lets every plan warn of machines that were made from other settings than today's, with the command that replaces one.
 *
 * A warning it stays: the plan itself never replaces a machine.
 */
export function warnOfOldMachines(
  scope: Construct,
  { service, instanceType, imageId }: ResolvedRedisSentinel,
  nodes: readonly SentinelNode[],
): void {
  const stack = TerraformStack.of(scope);
  const terraform = `terraform -chdir=cdktf.out/stacks/${stack.node.id} apply`;
  const assertions = nodes.map(({ instance, userData }, index) => {
    const address = `aws_instance.${instance.friendlyUniqueId}`;
    const current = [
      `${address}.user_data_base64 == ${userData.expression}`,
      `${address}.instance_type == "${instanceType}"`,
      // Without a declared image the newest is taken, which is another every other week: no reason to warn.
      ...(imageId === undefined ? [] : [`${address}.ami == "${imageId}"`]),
    ].join(' && ');
    // A warning shows what its condition refers to: here a truth value, not the whole user data.
    const local = new TerraformLocal(scope, `Current-${index + 1}`, `\${${current}}`);
    return {
      condition: `\${local.${local.friendlyUniqueId}}`,
      error_message: `${address} of ${service} was made from other settings; while the set is whole: ${terraform} -replace=${address}`,
    };
  });
  // cdktf 0.21 knows no checks; Terraform has them from 1.5.
  stack.addOverride(`check.${service}-machines`, { assert: assertions });
}
