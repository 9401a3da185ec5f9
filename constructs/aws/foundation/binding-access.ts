import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, globalArnOf } from '../../core/naming.ts';
import type { PolicyStatement } from '../../core/policy.ts';

/** Where the documents lie that a program reads before it connects. */
export interface DocumentPlace {
  /** Name of the parameter with the binding, `/millrace/ENV/binding`. */
  readonly parameterName: string;
  /** Bucket whose `topology/` holds the document that the binding means. */
  readonly documentsBucket: string;
}

/** What objects of an archive begin with, within its bucket. */
export const archivePrefix = 'archive/';

/**
 * What archiving takes, and reading it: objects below the prefix, and the key of the environment. Nothing is deleted.
 *
 * The bucket is listed as a whole: with a condition on the prefix S3 would answer AccessDenied for an object that is not there.
 */
export function keepArchiveStatements(identity: EnvironmentIdentity, bucketName: string, encryptionKeyArn: string): PolicyStatement[] {
  const bucket = globalArnOf(identity, 's3', bucketName);
  return [
    { Sid: 'ListArchive', Effect: 'Allow', Action: 's3:ListBucket', Resource: bucket },
    { Sid: 'KeepArchive', Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: `${bucket}/${archivePrefix}*` },
    { Sid: 'EncryptArchive', Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: encryptionKeyArn },
  ];
}

/** What redacting the archive takes besides: former versions are found and deleted for good. */
export function purgeArchiveStatements(identity: EnvironmentIdentity, bucketName: string): PolicyStatement[] {
  const bucket = globalArnOf(identity, 's3', bucketName);
  return [
    { Sid: 'ListFormerVersions', Effect: 'Allow', Action: 's3:ListBucketVersions', Resource: bucket },
    { Sid: 'DeleteVersions', Effect: 'Allow', Action: 's3:DeleteObjectVersion', Resource: `${bucket}/${archivePrefix}*` },
  ];
}

/**
 * What reading the binding and the topology takes: `ssm:GetParameter` on the parameter, `s3:GetObject` on topology documents, `kms:Decrypt` with the key of
 * the environment.
 *
 * Documents by prefix, not by name: a name is a hash, and a program that starts again must read the next one.
 */
export function readBindingStatements(
  identity: EnvironmentIdentity,
  { parameterName, documentsBucket }: DocumentPlace,
  encryptionKeyArn: string,
): PolicyStatement[] {
  const parameter = arnOf(identity, 'ssm', `parameter${parameterName}`);
  const topology = globalArnOf(identity, 's3', `${documentsBucket}/topology/*`);
  return [
    { Sid: 'ReadBinding', Effect: 'Allow', Action: 'ssm:GetParameter', Resource: parameter },
    { Sid: 'ReadTopology', Effect: 'Allow', Action: 's3:GetObject', Resource: topology },
    { Sid: 'DecryptTopology', Effect: 'Allow', Action: 'kms:Decrypt', Resource: encryptionKeyArn },
  ];
}
