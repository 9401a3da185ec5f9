import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { type Construct, TerraformStack } from '../../core/framework.ts';
import { Bucket } from '../foundation/bucket.ts';

/** Name of the one bucket in its stack; services begin with a small letter. */
const bucketId = 'RedisBackups';
/** A backup is never written twice, so this only bounds how long a deleted one can be had back. */
const replacedDays = 1;

interface BackupBucketProps {
  readonly encryptionKeyArn: string;
  readonly keepDays: number;
}

/** The bucket for the backups of all sets of a stack. */
class BackupBucket extends Bucket {
  readonly keepDays: number;

  constructor(scope: Construct, id: string, props: BackupBucketProps) {
    super(scope, id, { ...props, purpose: 'redis-backups', content: 'backups', replacedDays });
    this.keepDays = props.keepDays;
  }
}

/**
 * The bucket for backups, in which each set has a folder of its name: made by the first set that asks.
 *
 * One for all, because its name holds environment, account and region, and would be too long with the service's.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID when two sets want their backups kept for different times.
 */
export function backupBucketOf(scope: Construct, props: BackupBucketProps): Bucket {
  const stack = TerraformStack.of(scope);
  const existing = stack.node.tryFindChild(bucketId);
  if (!(existing instanceof BackupBucket)) return new BackupBucket(stack, bucketId, props);
  if (existing.keepDays === props.keepDays) return existing;
  throw new MillraceError(
    'ENVIRONMENT_INVALID',
    `backup.keepDays must be the same for all sets of an environment, which share a bucket, got ${existing.keepDays} and ${props.keepDays}`,
  );
}
