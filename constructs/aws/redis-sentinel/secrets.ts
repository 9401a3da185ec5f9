import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { parameterName } from '../../core/naming.ts';
import { GeneratedSecret } from '../foundation/generated-secret.ts';
import type { MachineSecrets } from './machine/settings.ts';
import type { SentinelUserReference } from './props.ts';
import type { ResolvedRedisSentinel } from './resolve.ts';

/** ACL user of services. */
export const appUser = 'app';
/** ACL user that changes the others, which no service is. */
export const applyUser = 'apply';

/** Names that users of the topology cannot have. */
export const takenUsers: readonly string[] = [appUser, applyUser, 'default', 'replication'];

/** Secrets whose value Terraform draws: who proves itself with it. A client presents nothing but a password to a sentinel, which is that of `default`. */
const passwords = {
  users: { name: appUser, username: appUser, description: 'services to Redis' },
  sentinel: { name: 'sentinel', username: 'default', description: 'clients and sentinels to sentinels' },
  replication: { name: 'replication', username: 'replication', description: 'replicas, sentinels and scripts to Redis' },
  apply: { name: applyUser, username: applyUser, description: 'millrace apply to Redis, where it sets the users of the topology' },
} as const;

/** Secrets that the first machine writes at its first boot, so that the key of the authority is never seen by whoever deploys. */
const certificates = {
  authority: { name: 'authority', description: 'certificate of the authority of' },
  authorityKey: { name: 'authority-key', description: 'private key of the authority of' },
} as const;

/** How long a deleted secret can be restored where the environment is protected; elsewhere its name is free at once. */
const recoveryWindowInDays = 30;

/** The secrets of a set. */
export class SentinelSecrets extends Construct {
  readonly arns: MachineSecrets;
  /** Of users of the topology; machines know them by name, so that one more is no reason to replace a machine. */
  readonly users: readonly SentinelUserReference[];

  constructor(scope: Construct, id: string, set: ResolvedRedisSentinel) {
    super(scope, id);
    this.arns = {
      users: this.definePassword('users', set),
      sentinel: this.definePassword('sentinel', set),
      replication: this.definePassword('replication', set),
      apply: this.definePassword('apply', set),
      authority: this.defineEmpty('authority', set),
      authorityKey: this.defineEmpty('authorityKey', set),
    };
    this.users = set.users.map((name) => ({ name, secretArn: this.defineUser(name, set) }));
  }

  private defineUser(username: string, { service, userSecrets, encryptionKeyArn }: ResolvedRedisSentinel): string {
    return new GeneratedSecret(this, `user-${username}`, {
      name: `${userSecrets}${username}`,
      description: `${service}: ${username} to Redis`,
      encryptionKeyArn,
      fields: { username },
    }).secretArn;
  }

  private definePassword(secret: keyof typeof passwords, { service, encryptionKeyArn }: ResolvedRedisSentinel): string {
    const { name, username, description } = passwords[secret];
    return new GeneratedSecret(this, name, {
      name: parameterName(identityOf(this), service, name),
      description: `${service}: ${description}`,
      encryptionKeyArn,
      fields: { username },
    }).secretArn;
  }

  private defineEmpty(secret: keyof typeof certificates, { service, encryptionKeyArn, deletionProtection }: ResolvedRedisSentinel): string {
    const { name, description } = certificates[secret];
    return new SecretsmanagerSecret(this, name, {
      name: parameterName(identityOf(this), service, name),
      description: `${description} ${service}`,
      kmsKeyId: encryptionKeyArn,
      recoveryWindowInDays: deletionProtection ? recoveryWindowInDays : 0,
    }).arn;
  }
}
