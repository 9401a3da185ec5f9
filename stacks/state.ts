import { LocalBackend, S3Backend, type TerraformStack } from '../constructs/core/framework.ts';
import type { EnvironmentStack } from '../constructs/core/identity.ts';

/** Where Terraform keeps what it knows about a stack. */
export type StateLocation =
  | { readonly kind: 'local' }
  /** `{account}` and `{region}` in the name stand for those of the environment, so that one setting serves environments in several accounts. */
  | { readonly kind: 's3'; readonly bucket: string };

/**
 * Gives `stack` its state: an object in S3 with a lock beside it, or a file below `.millrace/ENV/`.
 *
 * Encryption is left to the bucket's default: asking for it here without naming a key would ask for Amazon's, in place of the bucket's own.
 */
export function keepState(stack: EnvironmentStack, location: StateLocation): void {
  const { name, account, region } = stack.identity;
  if (location.kind === 'local') {
    keepStateHere(stack, name);
    return;
  }
  const bucket = location.bucket.replaceAll('{account}', account).replaceAll('{region}', region);
  const backend = new S3Backend(stack, { bucket, key: `millrace/${name}/${fileOf(stack)}`, region, allowedAccountIds: [account] });
  // cdktf 0.21 does not know the argument; Terraform has it from 1.10, and locks through DynamoDB are deprecated from 1.11.
  backend.addOverride('use_lockfile', true);
}

/** Gives `stack` its state in a file below `.millrace/ENV/`. */
export function keepStateHere(stack: TerraformStack, environment: string): void {
  // Terraform runs in cdktf.out/stacks/NAME; a path relative to it names no machine, and the neighbour stacks find it too.
  new LocalBackend(stack, { path: `../../../.millrace/${environment}/${fileOf(stack)}` });
}

function fileOf(stack: TerraformStack): string {
  return `${stack.node.id}.tfstate`;
}
