import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret';
import { SecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/secretsmanager-secret-version';
import { Construct, Fn, ref, TerraformStack } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';

export interface GeneratedSecretProps {
  /** Full name in Secrets Manager. */
  readonly name: string;
  readonly description: string;
  readonly encryptionKeyArn: string;
  /** What stands beside the password in the JSON, the user's name for example. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Letters and digits. @default 40 */
  readonly length?: number;
  /** A higher number draws a new password at the next apply: the only rotation, because Terraform draws anew when AWS drops the version it knows. @default 1 */
  readonly generation?: number;
}

/** How long a deleted secret can be restored where the environment is protected; elsewhere its name is free at once. */
const recoveryWindowInDays = 30;

/**
 * A password that Secrets Manager draws while Terraform applies, kept as JSON `{...fields, password}`.
 *
 * It goes from an ephemeral resource into a write-only argument, so neither plan nor state ever hold it. Needs Terraform 1.11.
 *
 * @see https://developer.hashicorp.com/terraform/language/manage-sensitive-data/ephemeral
 */
export class GeneratedSecret extends Construct {
  readonly secretArn: string;
  /** The version that holds the password: what reads it back while Terraform applies depends on it. */
  readonly value: SecretsmanagerSecretVersion;

  constructor(scope: Construct, id: string, props: GeneratedSecretProps) {
    super(scope, id);
    const { name, description, encryptionKeyArn } = props;
    const { deletionProtection } = identityOf(this);
    const secret = new SecretsmanagerSecret(this, 'Resource', {
      name,
      description,
      kmsKeyId: encryptionKeyArn,
      recoveryWindowInDays: deletionProtection ? recoveryWindowInDays : 0,
    });
    this.secretArn = secret.arn;
    this.value = this.defineValue(props);
  }

  private defineValue({ fields = {}, length = 40, generation = 1 }: GeneratedSecretProps): SecretsmanagerSecretVersion {
    const block = `${this.node.id}-${this.node.addr.slice(-8)}`;
    // cdktf 0.21 knows no ephemeral blocks; Terraform has them from 1.10.
    TerraformStack.of(this).addOverride(`ephemeral.aws_secretsmanager_random_password.${block}`, {
      password_length: length,
      // Every client, URL and configuration file takes letters and digits as they are.
      exclude_punctuation: true,
      require_each_included_type: true,
    });
    // A token: a `${...}` of our own inside a function's argument would be escaped, and every password would be that one text.
    const password = ref(`ephemeral.aws_secretsmanager_random_password.${block}.random_password`);
    return new SecretsmanagerSecretVersion(this, 'Value', {
      secretId: this.secretArn,
      secretStringWo: Fn.jsonencode({ ...fields, password }),
      secretStringWoVersion: generation,
    });
  }
}
