import { MskScramSecretAssociation } from '@cdktf/provider-aws/lib/msk-scram-secret-association';
import { SecretsmanagerSecretPolicy } from '@cdktf/provider-aws/lib/secretsmanager-secret-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { policyDocument } from '../../core/policy.ts';
import { GeneratedSecret } from '../foundation/generated-secret.ts';
import type { ScramUserReference } from './props.ts';
import type { ResolvedMsk } from './resolve.ts';

interface ScramUsersProps {
  readonly clusterArn: string;
  readonly msk: ResolvedMsk;
}

/** A user with a drawn password that MSK may read. */
interface ScramUser {
  readonly secret: GeneratedSecret;
  readonly policy: SecretsmanagerSecretPolicy;
}

/**
 * Users of a cluster with a password: a secret each, and the one association that says which are in.
 *
 * The association owns the whole list, so a user that someone adds by hand is out again after the next apply.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-password-tutorial.html
 */
export class ScramUsers extends Construct {
  readonly users: readonly ScramUserReference[];

  constructor(scope: Construct, id: string, { clusterArn, msk }: ScramUsersProps) {
    super(scope, id);
    const users = msk.scramUsers.map((name) => ({ name, ...this.defineUser(name, msk) }));
    this.users = users.map(({ name, secret }) => ({ name, secretArn: secret.secretArn }));
    new MskScramSecretAssociation(this, 'Resource', {
      clusterArn,
      secretArnList: users.map(({ secret }) => secret.secretArn),
      // MSK reads each secret as it is associated: the value and the right to read it have to be there.
      dependsOn: users.flatMap(({ secret, policy }) => [policy, secret.value]),
    });
  }

  /** MSK asks for the prefix of the name and for a key of one's own. */
  private defineUser(name: string, { service, encryptionKeyArn, scramGeneration }: ResolvedMsk): ScramUser {
    const secret = new GeneratedSecret(this, name, {
      name: `AmazonMSK_${identityOf(this).name}_${service}_${name}`,
      description: `password of ${name} at ${service}`,
      encryptionKeyArn,
      fields: { username: name },
      generation: scramGeneration,
    });
    return { secret, policy: this.definePolicy(name, secret) };
  }

  /** Word for word what MSK attaches itself when it is given a secret, so that neither undoes the other's. */
  private definePolicy(name: string, { secretArn }: GeneratedSecret): SecretsmanagerSecretPolicy {
    return new SecretsmanagerSecretPolicy(this, `${name}-policy`, {
      secretArn,
      blockPublicPolicy: true,
      policy: policyDocument([
        {
          Sid: 'AWSKafkaResourcePolicy',
          Effect: 'Allow',
          Principal: { Service: 'kafka.amazonaws.com' },
          Action: 'secretsmanager:getSecretValue',
          Resource: secretArn,
        },
      ]),
    });
  }
}
