import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { validate } from '../../core/validate.ts';
import type { ExistingDatabaseAttributes, ExistingDatabaseProps } from './props.ts';
import { ExistingDatabaseReference } from './reference.ts';
import { existingDatabaseRules } from './validate.ts';

/**
 * A PostgreSQL database that is there already, on RDS, Aurora or a machine: the clients of the environment are let in and out, and it becomes a service
 * of the binding. Nothing of the database itself is changed but its security group, which gets one rule.
 *
 * It stands in the network of the environment, or in a VPC that this one is joined to (`peers`): security groups can name no group of any other VPC.
 *
 * TLS is not optional. The certificates of RDS and Aurora come from an authority that Node does not know: put the bundle of the region into a secret (that
 * of all regions is larger than the 64 KiB of one) and name it as `caSecretArn`.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
 * @example
 * const database = new ExistingDatabase(this, 'database', { service: 'database', role: 'database', network, existing });
 */
export class ExistingDatabase extends ExistingDatabaseReference {
  constructor(scope: Construct, id: string, { service, role, network, existing }: ExistingDatabaseProps) {
    const attributes = { service, role, ...existing };
    validate(`database ${service}`, existingDatabaseRules, { ...attributes, region: identityOf(scope).region });
    super(scope, id, attributes);
    this.connections.allowFrom('Clients', network.clients);
  }

  /** A database whose security group someone else opens, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: ExistingDatabaseAttributes): ExistingDatabaseReference {
    return new ExistingDatabaseReference(scope, id, attributes);
  }
}
