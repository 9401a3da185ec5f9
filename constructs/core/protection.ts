import type { TerraformResourceLifecycle } from './framework.ts';
import type { EnvironmentIdentity } from './identity.ts';

/**
 * The lifecycle of a resource whose loss is the loss of data: in a protected environment Terraform refuses every plan that would destroy or replace it.
 *
 * To destroy it all the same: set `protection.deletion` to false in the environment, deploy that, then destroy.
 */
export function protectedLifecycle({ deletionProtection }: EnvironmentIdentity): { readonly lifecycle?: TerraformResourceLifecycle } {
  return deletionProtection ? { lifecycle: { preventDestroy: true } } : {};
}
