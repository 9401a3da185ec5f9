import type { PolicyStatement } from '../../core/policy.ts';
import type { CacheUserReference } from './props.ts';

/** What a grant looks at, of a replication group and of a serverless cache. */
export interface CacheWithIdentities {
  readonly service: string;
  readonly arn: string;
  readonly users: readonly [CacheUserReference, ...CacheUserReference[]];
}

/**
 * What an IAM identity needs in order to connect as one user: `elasticache:Connect` on the cache and on that user.
 *
 * @param userName @default the user in the binding
 * @throws {RangeError} when the cache has no such user.
 */
export function connectStatementsOf({ service, arn, users }: CacheWithIdentities, userName?: string): PolicyStatement[] {
  const user = userName === undefined ? users[0] : users.find(({ name }) => name === userName);
  if (user === undefined) {
    throw new RangeError(`users of ${service} are ${users.map(({ name }) => name).join(', ')}, got ${JSON.stringify(userName)}`);
  }
  return [{ Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [arn, user.arn] }];
}
