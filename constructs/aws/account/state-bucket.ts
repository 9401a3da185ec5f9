import type { Construct } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { Bucket } from '../foundation/bucket.ts';

/** How long a replaced state can still be had back under its version. */
const replacedDays = 365;

/** Name of the bucket with the state of all stacks of an account and region; `MILLRACE_STATE_BUCKET=millrace-state-{account}-{region}` means it. */
function stateBucketName({ account, region }: Pick<EnvironmentIdentity, 'account' | 'region'>): string {
  return `millrace-state-${account}-${region}`;
}

/**
 * The bucket of Terraform's state, one an account and region, with the locks beside it (`use_lockfile`).
 *
 * Who may read it may read the password of every Amazon MQ broker: only IAM opens it, and its key is none of an environment's. It writes no access log: a
 * bucket of logs cannot have a key of its own, and CloudTrail's data events tell more (who, with which key) where an account wants to know.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
 */
export class StateBucket extends Bucket {
  constructor(scope: Construct, id: string, { encryptionKeyArn }: { readonly encryptionKeyArn: string }) {
    super(scope, id, { purpose: 'state', name: stateBucketName(identityOf(scope)), encryptionKeyArn, content: 'states', replacedDays });
  }
}
