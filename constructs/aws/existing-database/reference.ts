import type { BindingFragment, SecretRef } from '../../../runtime/src/contracts/binding.ts';
import type { Construct } from '../../core/framework.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { clientPort } from '../foundation/connections.ts';
import { grantToRole } from '../foundation/grant.ts';
import { ServerReference } from '../foundation/reference.ts';
import { readSecretStatements } from '../foundation/secret-access.ts';
import type { ExistingDatabaseAttributes } from './props.ts';

const stored = (id: string): SecretRef => ({ from: 'aws-secrets-manager', id });

/**
 * A PostgreSQL database that Millrace did not make: how to bind it and to let someone in.
 *
 * It has no metrics here: whoever keeps the database watches it, and health checks of services ask it themselves.
 */
export class ExistingDatabaseReference extends ServerReference<ExistingDatabaseAttributes> {
  constructor(scope: Construct, id: string, attributes: ExistingDatabaseAttributes) {
    super(scope, id, { attributes, ports: [clientPort(attributes.port, attributes.service)] });
  }

  binding(): BindingFragment {
    const { service, role, host, port, database, username, passwordSecretArn, caSecretArn } = this.attributes;
    return {
      [service]: {
        kind: 'postgres',
        role,
        endpoints: [{ purpose: 'primary', host, port, authMode: 'password' }],
        database,
        tls: caSecretArn === undefined ? {} : { caRef: stored(caSecretArn) },
        auth: { mode: 'password', username, secretRef: { ...stored(passwordSecretArn), jsonKey: 'password' } },
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect, and nothing more: to read the password and, where there is one, the authority.
   *
   * Who the user is and what it may do, the database says.
   */
  connectStatements(): PolicyStatement[] {
    const { passwordSecretArn, caSecretArn, encryptionKeyArn } = this.attributes;
    const secrets = [passwordSecretArn, ...(caSecretArn === undefined ? [] : [caSecretArn])];
    return readSecretStatements('Access', secrets, encryptionKeyArn);
  }

  /** Lets a role connect: `secretsmanager:GetSecretValue` on the secrets and `kms:Decrypt` with their key, if that is a customer managed one. */
  grantConnect(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `connect-${this.attributes.service}`, statements: this.connectStatements() });
  }
}
