import { type Construct, Fn, TerraformLocal } from '../../core/framework.ts';

/** User data of a machine, as an argument and as an expression within another. */
export interface UserData {
  readonly value: string;
  readonly expression: string;
}

/**
 * User data of a machine from `text`, which may hold tokens: compressed, because EC2 takes 16 KB.
 *
 * Terraform sees the text as a local value, so that a plan can be read; its own `${` and `%{` are escaped where they are no tokens.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
 */
export function compressedUserData(scope: Construct, id: string, text: string): UserData {
  const literal = text.replaceAll(/[$%](?=\{(?!TfToken\[))/g, (sign) => sign + sign);
  const local = new TerraformLocal(scope, id, literal);
  return { value: Fn.base64gzip(local.asString), expression: `base64gzip(local.${local.friendlyUniqueId})` };
}
