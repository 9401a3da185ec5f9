import { DataAwsSecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/data-aws-secretsmanager-secret-version';
import type { MqBrokerUser } from '@cdktf/provider-aws/lib/mq-broker';
import { Construct, Fn } from '../../core/framework.ts';
import { GeneratedSecret } from '../foundation/generated-secret.ts';
import type { ResolvedAmazonMq } from './resolve.ts';

/**
 * The one user that Amazon MQ makes; all others are made in RabbitMQ.
 *
 * **Its password is the one secret of Millrace that lies in Terraform's state.** It is drawn like the others, without state; but the provider takes a
 * broker's password as a plain argument only, so it is read back here, and what a data source has read is kept in the state. Hence the state's bucket has
 * a key of its own.
 *
 * A new password in the secret does not reach the broker: AWS has no interface for it, and the provider ignores the change without a word. To rotate: raise
 * `passwordGeneration` by one and deploy, then at once `PUT /api/users/NAME` of the management interface with the secret's new password and the tag
 * `administrator`, signing in with the former one, which the secret keeps as its version AWSPREVIOUS until the next rotation. Connections that stand are
 * not cut; new ones are refused from the one step to the other.
 *
 * Never by `aws secretsmanager put-secret-value`: after two of these AWS may drop the version that Terraform knows, and the next deployment would draw a
 * password that RabbitMQ has never heard of.
 *
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/amazon-mq-listing-managing-users.html
 */
export class AdminUser extends Construct {
  readonly secretArn: string;
  readonly username: string;
  private readonly password: string;

  constructor(scope: Construct, id: string, { service, username, secretName, encryptionKeyArn, passwordGeneration }: ResolvedAmazonMq) {
    super(scope, id);
    // Forty letters and digits: AWS wants 12 to 250 characters, four different ones, and none of `,:=`.
    const secret = new GeneratedSecret(this, 'Secret', {
      name: secretName,
      description: `administrator of ${service}`,
      encryptionKeyArn,
      fields: { username },
      generation: passwordGeneration,
    });
    const current = new DataAwsSecretsmanagerSecretVersion(this, 'Current', { secretId: secret.secretArn, dependsOn: [secret.value] });
    this.secretArn = secret.secretArn;
    this.username = username;
    this.password = Fn.lookup(Fn.jsondecode(current.secretString), 'password');
  }

  /** The user, as the broker's resource takes it. */
  get argument(): MqBrokerUser {
    return { username: this.username, password: this.password };
  }
}
