import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key';
import { Construct } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { arnOf, globalArnOf, logGroupName, resourceName } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import { protectedLifecycle } from '../../core/protection.ts';

/** Longest that AWS allows between the request to delete a key and the loss of everything encrypted with it. */
const deletionWindowInDays = 30;

export interface EncryptionKeyProps {
  /** Whether alarms publish to topics that it encrypts. @default false */
  readonly alarms?: boolean;
}

/**
 * The customer managed key of an environment: servers' data at rest, their logs, the topology document.
 *
 * One key an environment, because whoever may read one of these may read all; rotated yearly by AWS.
 */
export class EncryptionKey extends Construct {
  readonly keyArn: string;

  constructor(scope: Construct, id: string, { alarms = false }: EncryptionKeyProps = {}) {
    super(scope, id);
    const identity = identityOf(this);
    const key = new KmsKey(this, 'Resource', {
      description: `data at rest of the environment ${identity.name}`,
      enableKeyRotation: true,
      deletionWindowInDays,
      policy: policyDocument([...keyPolicy(identity), ...(alarms ? [alarmStatement(identity)] : [])]),
      ...protectedLifecycle(identity),
    });
    new KmsAlias(this, 'Alias', { name: `alias/${resourceName(identity, 'millrace')}`, targetKeyId: key.keyId });
    this.keyArn = key.arn;
  }
}

const logActions = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'];

function keyPolicy(identity: EnvironmentIdentity): PolicyStatement[] {
  const logGroups = arnOf(identity, 'logs', `log-group:${logGroupName(identity)}/*`);
  return [
    {
      Sid: 'AccountAdministersThroughIam',
      Effect: 'Allow',
      Principal: { AWS: globalArnOf(identity, 'iam', 'root', identity.account) },
      Action: 'kms:*',
      Resource: '*',
    },
    {
      Sid: 'LogGroupsOfTheEnvironment',
      Effect: 'Allow',
      Principal: { Service: `logs.${identity.region}.amazonaws.com` },
      Action: logActions,
      Resource: '*',
      Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
    },
    {
      // Amazon MQ chooses the names of its groups itself.
      Sid: 'LogGroupsOfBrokers',
      Effect: 'Allow',
      Principal: { Service: `logs.${identity.region}.amazonaws.com` },
      Action: logActions,
      Resource: '*',
      Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': arnOf(identity, 'logs', 'log-group:/aws/amazonmq/broker/*') } },
    },
  ];
}

/** Alarms publish to topics that are encrypted; SNS asks for the key in their name. */
function alarmStatement({ account }: EnvironmentIdentity): PolicyStatement {
  return {
    Sid: 'AlarmsOfTheAccount',
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    Resource: '*',
    Condition: { StringEquals: { 'aws:SourceAccount': account } },
  };
}
