import { roleRule } from '../../core/rules.ts';
import { quoted, type Rule } from '../../core/validate.ts';
import type { ExistingDatabaseAttributes } from './props.ts';

/** A database and the region whose stores the clients reach. */
export interface DatabaseInRegion extends ExistingDatabaseAttributes {
  readonly region: string;
}

const secretsOf = ({ passwordSecretArn, caSecretArn }: DatabaseInRegion): string[] => [
  passwordSecretArn,
  ...(caSecretArn === undefined ? [] : [caSecretArn]),
];
const elsewhere = (database: DatabaseInRegion): string[] =>
  [...secretsOf(database), ...(database.encryptionKeyArn === undefined ? [] : [database.encryptionKeyArn])].filter(
    (arn) => arn.split(':')[3] !== database.region,
  );
const unfinished = (database: DatabaseInRegion): string[] => secretsOf(database).filter((arn) => !/-[A-Za-z0-9]{6}$/.test(arn));

/** What a database that exists must be. */
export const existingDatabaseRules: readonly Rule<DatabaseInRegion>[] = [
  roleRule(['database']),
  {
    condition: ({ host }) => !/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host),
    message: ({ host }) => `host must be a name or an IPv4 address without scheme, user or port, got ${quoted(host)}`,
  },
  {
    // RDS and Aurora name the replicas so; a relay refuses a standby, and writers fail on one.
    condition: ({ host }) => /\.cluster-ro-[a-z0-9]+\./.test(host),
    message: ({ host }) => `host must be the endpoint that takes writes, got the reader endpoint ${quoted(host)}`,
  },
  {
    condition: (database) => elsewhere(database).length > 0,
    message: (database) =>
      `secrets and their key must be of ${database.region}, got ${elsewhere(database).join(', ')}: the endpoints of the network reach no other region`,
  },
  {
    // A name whose last word has six letters passes for complete; nothing but the secret itself could tell.
    condition: (database) => unfinished(database).length > 0,
    message: (database) =>
      `ARNs of secrets must end with the six characters that Secrets Manager adds, got ${unfinished(database).join(', ')}: a policy on a shorter one allows nothing`,
  },
];
