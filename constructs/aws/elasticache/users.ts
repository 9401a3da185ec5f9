import { ElasticacheUser } from '@cdktf/provider-aws/lib/elasticache-user';
import { ElasticacheUserGroup } from '@cdktf/provider-aws/lib/elasticache-user-group';
import { Construct } from '../../core/framework.ts';
import type { CacheUserReference } from './props.ts';
import type { ResolvedElastiCache } from './resolve.ts';

/** Who may connect to a replication group: users that prove themselves through IAM, and nobody without a name. */
export class CacheUsers extends Construct {
  readonly userGroupId: string;
  readonly users: [CacheUserReference, ...CacheUserReference[]];

  constructor(scope: Construct, id: string, cache: ResolvedElastiCache) {
    super(scope, id);
    const resources = cache.users.map((user) => this.defineUser(cache, user));
    const closed = cache.engine === 'redis' ? [this.defineClosedDefault(cache)] : [];
    const group = new ElasticacheUserGroup(this, 'Resource', {
      engine: cache.engine,
      userGroupId: cache.replicationGroupId,
      userIds: [...closed, ...resources].map(({ userId }) => userId),
    });
    this.userGroupId = group.userGroupId;
    this.users = resources.map(({ arn }, index) => ({
      name: cache.users[index]!.name,
      userId: cache.userIds[index]!,
      arn,
    })) as [CacheUserReference, ...CacheUserReference[]];
  }

  private defineUser(
    { engine, replicationGroupId }: ResolvedElastiCache,
    { name, accessString }: ResolvedElastiCache['users'][number],
  ): ElasticacheUser {
    const userId = `${replicationGroupId}-${name}`;
    return new ElasticacheUser(this, name, { engine, userId, userName: userId, accessString, authenticationMode: { type: 'iam' } });
  }

  /**
   * Redis asks for a user named default in every group, and its own may do everything without a password. Valkey admits no user without a password and
   * asks for none of that name.
   */
  private defineClosedDefault({ engine, replicationGroupId }: ResolvedElastiCache): ElasticacheUser {
    return new ElasticacheUser(this, 'default', {
      engine,
      userId: `${replicationGroupId}-default`,
      userName: 'default',
      accessString: 'off -@all',
      authenticationMode: { type: 'no-password-required' },
    });
  }
}
