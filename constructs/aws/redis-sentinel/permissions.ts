import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf } from '../../core/naming.ts';
import type { PolicyStatement } from '../../core/policy.ts';
import type { MachineSecrets } from './machine/settings.ts';

/** What one machine works with. */
export interface MachineResources {
  readonly secrets: MachineSecrets;
  /** What names of secrets of the topology's users begin with. */
  readonly userSecrets: string;
  readonly usersDocument: { readonly bucketArn: string; readonly key: string };
  readonly encryptionKeyArn: string;
  readonly bucketArn: string;
  /** Folder of the set in the bucket. */
  readonly prefix: string;
  readonly logGroupArn: string;
  /** Whether this is the machine that makes the authority. */
  readonly first: boolean;
}

/**
 * What a machine may do, and nothing more: read the set's secrets and what users of the topology may do, write and read its backups (the bucket deletes them by itself), ship its logs, be
 * reached through Session Manager. The first one also stores the authority.
 *
 * Of AmazonSSMManagedInstanceCore it has what sessions need; that policy would also read every parameter of the account.
 */
export function machineStatements(identity: EnvironmentIdentity, resources: MachineResources): PolicyStatement[] {
  return [
    ...secretStatements(identity, resources),
    ...documentStatements(resources),
    ...backupStatements(resources),
    keyStatement(identity, resources),
    logStatement(resources),
    ...sessionStatements(identity),
  ];
}

function secretStatements(identity: EnvironmentIdentity, { secrets, userSecrets, first }: MachineResources): PolicyStatement[] {
  const { authority, authorityKey } = secrets;
  const ofUsers = arnOf(identity, 'secretsmanager', `secret:${userSecrets}*`);
  const read = {
    Sid: 'ReadSecrets',
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: [...Object.values(secrets), ofUsers],
  } as const;
  const store = {
    Sid: 'StoreAuthority',
    Effect: 'Allow',
    Action: 'secretsmanager:PutSecretValue',
    Resource: [authority, authorityKey],
  } as const;
  return first ? [read, store] : [read];
}

/** The bucket is listed as a whole: with a condition on the prefix S3 would not say that there is no document (yet), but that it is forbidden. */
function documentStatements({ usersDocument: { bucketArn, key } }: MachineResources): PolicyStatement[] {
  return [
    { Sid: 'ReadRulesOfUsers', Effect: 'Allow', Action: 's3:GetObject', Resource: `${bucketArn}/${key}` },
    { Sid: 'FindRulesOfUsers', Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn },
  ];
}

function backupStatements({ bucketArn, prefix }: MachineResources): PolicyStatement[] {
  return [
    {
      Sid: 'WriteAndReadBackups',
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload'],
      Resource: `${bucketArn}/${prefix}/*`,
    },
    {
      Sid: 'ListBackups',
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: bucketArn,
      Condition: { StringLike: { 's3:prefix': `${prefix}/*` } },
    },
  ];
}

function keyStatement({ region }: EnvironmentIdentity, { encryptionKeyArn }: MachineResources): PolicyStatement {
  return {
    Sid: 'UseKeyForSecretsAndBackups',
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: encryptionKeyArn,
    Condition: { StringEquals: { 'kms:ViaService': ['secretsmanager', 's3'].map((service) => `${service}.${region}.amazonaws.com`) } },
  };
}

function logStatement({ logGroupArn }: MachineResources): PolicyStatement {
  return {
    Sid: 'ShipLogs',
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
    Resource: [logGroupArn, `${logGroupArn}:*`],
  };
}

/** The four actions on channels know no resources. @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsessionmanagermessagegatewayservice.html */
function sessionStatements(identity: EnvironmentIdentity): PolicyStatement[] {
  return [
    {
      Sid: 'RegisterForSessions',
      Effect: 'Allow',
      Action: 'ssm:UpdateInstanceInformation',
      Resource: arnOf(identity, 'ec2', 'instance/*'),
    },
    {
      Sid: 'HoldSessions',
      Effect: 'Allow',
      Action: ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'].map(
        (action) => `ssmmessages:${action}`,
      ),
      Resource: '*',
    },
  ];
}
