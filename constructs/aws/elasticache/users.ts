import { ElasticacheUser } from '@cdktf/provider-aws/lib/elasticache-user';
import { ElasticacheUserGroup } from '@cdktf/provider-aws/lib/elasticache-user-group';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { Construct } from '../../core/framework.ts';
import type { CacheEngine, CacheUser, CacheUserReference } from './props.ts';

/** All keys and channels, every command but those that administer the server or can stall it; INFO and ROLE are what health checks read. */
export const defaultUsers: readonly CacheUser[] = [{ name: 'app', accessString: 'on ~* &* +@all -@admin -@dangerous +info +role' }];

/** Id of the user `name` of a cache, which is also its name: IAM authentication asks for equal ones. */
export function userId(cacheName: string, name: string): string {
  return `${cacheName}-${name}`;
}

/** Of a binding: who connects, by name who else may, and that nobody but the plan makes users. */
export function boundUsers([bound, ...others]: readonly [CacheUserReference, ...CacheUserReference[]]): Pick<
  BoundService,
  'auth' | 'users' | 'administration'
> {
  const as = (username: string) => ({ mode: 'iam' as const, username });
  return {
    auth: as(bound.userId),
    ...(others.length === 0 ? {} : { users: Object.fromEntries(others.map((user) => [user.name, as(user.userId)])) }),
    administration: { usersFrom: 'plan' },
  };
}

export interface CacheUsersProps {
  readonly engine: CacheEngine;
  /** Name of the cache; prefix of all ids. */
  readonly cacheName: string;
  readonly users: readonly CacheUser[];
}

/** A user leaves the group before it is destroyed: AWS would take it out by itself, and then refuses what else the group was to become. */
const lifecycle = { createBeforeDestroy: true };

/** Who may connect to a cache: users that prove themselves through IAM, and nobody without a name. */
export class CacheUsers extends Construct {
  readonly userGroupId: string;
  readonly users: [CacheUserReference, ...CacheUserReference[]];

  constructor(scope: Construct, id: string, props: CacheUsersProps) {
    super(scope, id);
    const { engine, cacheName, users } = props;
    const resources = users.map((user) => this.defineUser(props, user));
    const closed = engine === 'redis' ? [this.defineClosedDefault(props)] : [];
    const group = new ElasticacheUserGroup(this, 'Resource', {
      engine,
      userGroupId: cacheName,
      userIds: [...closed, ...resources].map((user) => user.userId),
    });
    this.userGroupId = group.userGroupId;
    this.users = resources.map(({ arn }, index) => {
      const { name } = users[index]!;
      return { name, userId: userId(cacheName, name), arn };
    }) as [CacheUserReference, ...CacheUserReference[]];
  }

  private defineUser({ engine, cacheName }: CacheUsersProps, { name, accessString }: CacheUser): ElasticacheUser {
    const id = userId(cacheName, name);
    return new ElasticacheUser(this, name, {
      engine,
      userId: id,
      userName: id,
      accessString,
      authenticationMode: { type: 'iam' },
      lifecycle,
    });
  }

  /**
   * Redis asks for a user named default in every group, and its own may do everything without a password. Valkey admits no user without a password and
   * asks for none of that name.
   */
  private defineClosedDefault({ engine, cacheName }: CacheUsersProps): ElasticacheUser {
    return new ElasticacheUser(this, 'default', {
      engine,
      userId: userId(cacheName, 'default'),
      userName: 'default',
      accessString: 'off -@all',
      authenticationMode: { type: 'no-password-required' },
      lifecycle,
    });
  }
}
