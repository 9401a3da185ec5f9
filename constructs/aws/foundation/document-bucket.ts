import { S3Object } from '@cdktf/provider-aws/lib/s3-object';
import type { Construct } from '../../core/framework.ts';
import { Bucket, type BucketProps } from './bucket.ts';

export type DocumentBucketProps = Pick<BucketProps, 'purpose' | 'encryptionKeyArn'>;

/** How long a replaced document can still be read under its version. */
const replacedDays = 90;

/** A private, versioned bucket for documents that are too large for a parameter (8 KB) and that hold no secret. */
export class DocumentBucket extends Bucket {
  constructor(scope: Construct, id: string, props: DocumentBucketProps) {
    super(scope, id, { ...props, content: 'documents', replacedDays, refillable: true });
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
