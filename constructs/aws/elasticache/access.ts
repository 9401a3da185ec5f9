import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { grantToRole } from '../foundation/grant.ts';
import { type ServerAttributes, ServerReference } from '../foundation/reference.ts';
import type { CacheUserReference } from './props.ts';

/** What a grant looks at, of a replication group and of a serverless cache. */
interface CacheWithIdentities extends ServerAttributes {
  readonly arn: string;
  readonly users: readonly [CacheUserReference, ...CacheUserReference[]];
}

/** Access to a cache through IAM, with nodes or serverless. */
export abstract class CacheAccess<A extends CacheWithIdentities> extends ServerReference<A> {
  /** Its name in AWS, part of the names of policies. */
  protected abstract readonly cacheName: string;

  /**
   * What an IAM identity needs in order to connect as one user, and nothing more: `elasticache:Connect` on the cache and on that user.
   *
   * @param userName @default the user in the binding
   * @throws {RangeError} when the cache has no such user.
   */
  connectStatements(userName?: string): PolicyStatement[] {
    const { service, arn, users } = this.attributes;
    const user = userName === undefined ? users[0] : users.find(({ name }) => name === userName);
    if (user === undefined) {
      throw new RangeError(`users of ${service} are ${users.map(({ name }) => name).join(', ')}, got ${JSON.stringify(userName)}`);
    }
    return [{ Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [arn, user.arn] }];
  }

  /** What `millrace apply` needs: `elasticache:Connect` as each user, to see that the user can work. It changes none, the plan does. */
  adminStatements(): PolicyStatement[] {
    const { arn, users } = this.attributes;
    return [{ Sid: 'ConnectAsEach', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [arn, ...users.map((user) => user.arn)] }];
  }

  /** Lets a role connect as one user: `elasticache:Connect`, see `connectStatements`, as a policy of the role. */
  grantConnect(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `connect-${this.cacheName}`, statements: this.connectStatements(userName) });
  }
}
