import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import { Bucket } from '../foundation/bucket.ts';
import type { SnapshotAttributes } from './props.ts';
import type { ResolvedOpenSearch } from './resolve.ts';

/**
 * A bucket for snapshots that outlive the domain, and the role with which the domain reaches it.
 *
 * Nothing but OpenSearch deletes from it, because snapshots share files; how long they are kept, the policy within the domain says. What was deleted can be
 * had back for as long as the environment keeps backups. Nothing moves to Glacier either: from there OpenSearch cannot restore.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshots.html
 */
export class SnapshotStore extends Construct {
  readonly attributes: SnapshotAttributes;

  constructor(scope: Construct, id: string, domain: ResolvedOpenSearch) {
    super(scope, id);
    const { encryptionKeyArn, snapshotPurpose: purpose, backupDays: replacedDays } = domain;
    const bucket = new Bucket(this, 'Bucket', { purpose, encryptionKeyArn, content: 'snapshots', replacedDays });
    const role = new IamRole(this, 'Role', {
      name: resourceName(identityOf(this), domain.service, 'snapshots'),
      description: `${domain.service} to its snapshots`,
      assumeRolePolicy: policyDocument([onlyThisDomain(identityOf(this).account, domain.domainArn)]),
    });
    const statements = reachBucket(bucket.bucketArn, encryptionKeyArn);
    new IamRolePolicy(this, 'Policy', { name: 'reach-bucket', role: role.name, policy: policyDocument(statements) });
    this.attributes = { bucketName: bucket.bucketName, roleArn: role.arn };
  }
}

/** The service may act for this domain of this account, and for no one else's. */
function onlyThisDomain(account: string, domainArn: string): PolicyStatement {
  return {
    Sid: 'ThisDomain',
    Effect: 'Allow',
    Principal: { Service: 'es.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': domainArn } },
  };
}

function reachBucket(bucketArn: string, encryptionKeyArn: string): PolicyStatement[] {
  return [
    { Sid: 'ListSnapshots', Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn },
    { Sid: 'KeepSnapshots', Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], Resource: `${bucketArn}/*` },
    { Sid: 'EncryptSnapshots', Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: encryptionKeyArn },
  ];
}
