import { S3Bucket } from '@cdktf/provider-aws/lib/s3-bucket';
import { S3BucketLifecycleConfiguration } from '@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration';
import { S3BucketPolicy } from '@cdktf/provider-aws/lib/s3-bucket-policy';
import { S3BucketPublicAccessBlock } from '@cdktf/provider-aws/lib/s3-bucket-public-access-block';
import { S3BucketServerSideEncryptionConfigurationA } from '@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration';
import { S3BucketVersioningA } from '@cdktf/provider-aws/lib/s3-bucket-versioning';
import { S3Object } from '@cdktf/provider-aws/lib/s3-object';
import { Construct } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { globalArnOf } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import { protectedLifecycle } from '../../core/protection.ts';

export interface DocumentBucketProps {
  /** Last part of the name: `millrace-ENV-PURPOSE-ACCOUNT-REGION`. */
  readonly purpose: string;
  readonly encryptionKeyArn: string;
}

/** How long a replaced document can still be read under its version. */
const replacedDocumentDays = 90;

/** A private, versioned bucket for documents that are too large for a parameter (8 KB) and that hold no secret. */
export class DocumentBucket extends Construct {
  readonly bucketName: string;
  private readonly encryptionKeyArn: string;

  constructor(scope: Construct, id: string, { purpose, encryptionKeyArn }: DocumentBucketProps) {
    super(scope, id);
    const identity = identityOf(this);
    const bucket = new S3Bucket(this, 'Resource', {
      bucket: bucketName(identity, purpose),
      forceDestroy: !identity.deletionProtection,
      ...protectedLifecycle(identity),
    });
    this.bucketName = bucket.bucket;
    this.encryptionKeyArn = encryptionKeyArn;
    this.defineSafekeeping(bucket);
    this.defineAccess(bucket, onlyOverTls(identity, purpose));
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

  private defineSafekeeping(bucket: S3Bucket): void {
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
          id: 'replaced-documents',
          status: 'Enabled',
          filter: [{ prefix: '' }],
          noncurrentVersionExpiration: [{ noncurrentDays: replacedDocumentDays }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: 7 }],
        },
      ],
    });
  }

  /**
   * Stores `json` under `key` and gives its address, `s3://BUCKET/KEY`.
   *
   * The text is taken as it is: Terraform's own `${` and `%{` in it are escaped.
   */
  addJson(id: string, key: string, json: string): string {
    const document = new S3Object(this, id, {
      bucket: this.bucketName,
      key,
      content: json.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign),
      contentType: 'application/json',
      serverSideEncryption: 'aws:kms',
      kmsKeyId: this.encryptionKeyArn,
      lifecycle: { createBeforeDestroy: true },
    });
    return `s3://${document.bucket}/${document.key}`;
  }
}

function bucketName({ name, account, region }: EnvironmentIdentity, purpose: string): string {
  return `millrace-${name}-${purpose}-${account}-${region}`;
}

function onlyOverTls(identity: EnvironmentIdentity, purpose: string): PolicyStatement {
  const bucket = globalArnOf(identity, 's3', bucketName(identity, purpose));
  return {
    Sid: 'OnlyOverTls',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [bucket, `${bucket}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}
