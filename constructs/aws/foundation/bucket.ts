import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration';
import { S3BucketVersioningA } from '@cdktf/provider-aws/lib/s3-bucket-versioning';
import { Construct } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { globalArnOf } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import { protectedLifecycle } from '../../core/protection.ts';

export interface BucketProps {
  /** Last part of the name: `millrace-ENV-PURPOSE-ACCOUNT-REGION`. */
  readonly purpose: string;
  /** Whole name, of a bucket that belongs to no environment. @default from `purpose` */
  readonly name?: string;
  readonly encryptionKeyArn: string;
  /** What lies in it, in the plural; part of the name of its lifecycle rule. */
  readonly content: string;
  /** How long what was replaced or deleted can still be had back under its version. */
  readonly replacedDays: number;
  /** How long anything stays at all. @default for ever */
  readonly keepDays?: number;
  /** When something moves to Glacier Instant Retrieval: cheaper to keep, dearer to read, and read as fast. @default never */
  readonly coolAfterDays?: number;
  /** Whether the repository can fill it again, so that it may go with what lies in it once deletion is not protected. @default false */
  readonly refillable?: boolean;
}

/** Longest name that S3 allows. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const longestBucketName = 63;

/** Name of the bucket of an environment for `purpose`; no other bucket of any account may have it, so it holds account and region. */
export function bucketNameOf({ name, account, region }: EnvironmentIdentity, purpose: string): string {
  return `millrace-${name}-${purpose}-${account}-${region}`;
}

/**
 * A private bucket: versioned, encrypted with the environment's key, reached over TLS alone; what was replaced or deleted expires, the rest with `keepDays`.
 *
 * Lifting the protection of the environment lets an empty one go. What lies in it, backups for example, goes only when somebody empties it, and until then
 * S3 refuses to delete it (BucketNotEmpty), which stops a destruction before the key that the content is encrypted with.
 */
export class Bucket extends Construct {
  readonly bucketName: string;
  readonly bucketArn: string;
  protected readonly encryptionKeyArn: string;

  constructor(scope: Construct, id: string, props: BucketProps) {
    super(scope, id);
    const identity = identityOf(this);
    const name = props.name ?? bucketNameOf(identity, props.purpose);
    const bucket = new S3Bucket(this, 'Resource', {
      bucket: name,
      forceDestroy: props.refillable === true && !identity.deletionProtection,
      ...protectedLifecycle(identity),
    });
    this.bucketName = bucket.bucket;
    // Known before the bucket stands, so that policies show it in the plan.
    this.bucketArn = globalArnOf(identity, 's3', name);
    this.encryptionKeyArn = props.encryptionKeyArn;
    this.defineSafekeeping(bucket, props);
    this.defineAccess(bucket, onlyOverTls(this.bucketArn));
  }

  private defineAccess(bucket: S3Bucket, statement: PolicyStatement): void {
    const publicAccess = new S3BucketPublicAccessBlock(this, 'PublicAccess', {
      bucket: bucket.id,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    // S3 refuses two changes of a bucket's access at once (OperationAborted).
    new S3BucketPolicy(this, 'Policy', { bucket: bucket.id, policy: policyDocument([statement]), dependsOn: [publicAccess] });
  }

  private defineSafekeeping(bucket: S3Bucket, { content, replacedDays, keepDays, coolAfterDays }: BucketProps): void {
    new S3BucketVersioningA(this, 'Versioning', { bucket: bucket.id, versioningConfiguration: { status: 'Enabled' } });
    new S3BucketServerSideEncryptionConfigurationA(this, 'Encryption', {
      bucket: bucket.id,
      rule: [
        { applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: this.encryptionKeyArn }, bucketKeyEnabled: true },
      ],
    });
    new S3BucketLifecycleConfiguration(this, 'Lifecycle', {
      bucket: bucket.id,
      rule: [
        {
          id: `replaced-${content}`,
          status: 'Enabled',
          filter: [{ prefix: '' }],
          ...(coolAfterDays === undefined ? {} : { transition: [{ days: coolAfterDays, storageClass: 'GLACIER_IR' }] }),
          ...(keepDays === undefined ? {} : { expiration: [{ days: keepDays }] }),
          noncurrentVersionExpiration: [{ noncurrentDays: replacedDays }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: 7 }],
        },
      ],
    });
  }
}

function onlyOverTls(bucketArn: string): PolicyStatement {
  return {
    Sid: 'OnlyOverTls',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [bucketArn, `${bucketArn}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}
