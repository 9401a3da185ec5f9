import type { ServiceDeclaration } from '../../../environments/schema.ts';
import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { NetworkReference } from '../network/index.ts';

/** Where a database is, as an environment declares it. */
export type ExistingDatabaseDeclaration = NonNullable<Extract<ServiceDeclaration, { kind: 'postgres' }>['existing']>;

export interface ExistingDatabaseProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  readonly existing: ExistingDatabaseDeclaration;
}

/** What is known of a database from outside: enough to bind it and to grant access. */
export interface ExistingDatabaseAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  /** The one that takes writes; of Aurora the endpoint of the cluster. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  /** Secret with the password under the key `password`. */
  readonly passwordSecretArn: string;
  /** Customer managed key of the secrets; absent where they have the account's default one. */
  readonly encryptionKeyArn?: string | undefined;
  /** Secret with the authority that signs the server's certificate, in PEM; absent for a public one. */
  readonly caSecretArn?: string | undefined;
  readonly securityGroupId: string;
}
