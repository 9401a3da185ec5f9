import { ChatbotSlackChannelConfiguration } from '@cdktf/provider-aws/lib/chatbot-slack-channel-configuration';
import { DataAwsSecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/data-aws-secretsmanager-secret-version';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { SnsTopic } from '@cdktf/provider-aws/lib/sns-topic';
import { SnsTopicPolicy } from '@cdktf/provider-aws/lib/sns-topic-policy';
import { SnsTopicSubscription } from '@cdktf/provider-aws/lib/sns-topic-subscription';
import { type ToldSeverity, toldSeverities } from '../../../alerts/row.ts';
import { contentHash } from '../../core/content-hash.ts';
import { Construct, Fn } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { arnOf, globalArnOf, resourceName } from '../../core/naming.ts';
import { policyDocument } from '../../core/policy.ts';
import type { NotificationsProps, ReceiverOf } from './props.ts';
import { chatStatement, showAlarmStatements, topicStatements } from './statements.ts';
import { validateNotifications } from './validate.ts';

const pagerDutyHosts = { us: 'events.pagerduty.com', eu: 'events.eu.pagerduty.com' } as const;

/**
 * Who is told of alarms: a topic for each severity, `ENV-alerts-warning` and `ENV-alerts-critical`, encrypted, that alarms named after the environment may
 * publish to; and their subscribers.
 *
 * E-mail begins when its receiver has confirmed the message that SNS sends at the first deployment. Slack needs its workspace let into the account once, by
 * hand, in the console of Amazon Q Developer in chat applications. PagerDuty takes the events as those of its integration for Amazon CloudWatch; the
 * integration key is a part of the address that SNS calls, for which the provider has no write-only argument: **it is in the state**. With the key one can
 * open and close incidents of that service, and read none.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all receivers that AWS cannot tell.
 */
export class Notifications extends Construct {
  /** By severity, as texts that are known beforehand: hundreds of alarms name them, and a reviewer reads whom each tells. */
  readonly topicArns: Readonly<Record<ToldSeverity, string>>;
  private readonly topics: Readonly<Record<ToldSeverity, SnsTopic>>;

  constructor(scope: Construct, id: string, { declared, encryptionKeyArn }: NotificationsProps) {
    super(scope, id);
    const identity = identityOf(this);
    validateNotifications(identity.name, { ...declared, region: identity.region });
    this.topicArns = { warning: topicArn(identity, 'warning'), critical: topicArn(identity, 'critical') };
    this.topics = { warning: this.defineTopic('warning', encryptionKeyArn), critical: this.defineTopic('critical', encryptionKeyArn) };
    for (const severity of toldSeverities) this.subscribe(severity, declared.receivers[severity]);
    this.defineChannels(declared.receivers);
  }

  private defineTopic(severity: ToldSeverity, kmsMasterKeyId: string): SnsTopic {
    const identity = identityOf(this);
    const topic = new SnsTopic(this, severity, {
      name: topicName(identity, severity),
      displayName: `${identity.name} ${severity}`,
      kmsMasterKeyId,
    });
    new SnsTopicPolicy(this, `${severity}-policy`, {
      arn: topic.arn,
      policy: policyDocument(topicStatements(identity, this.topicArns[severity])),
    });
    return topic;
  }

  private subscribe(severity: ToldSeverity, receivers: NotificationsProps['declared']['receivers'][ToldSeverity]): void {
    const { arn: topicArn } = this.topics[severity];
    for (const receiver of receivers) {
      if (receiver.kind === 'email')
        new SnsTopicSubscription(this, `${severity}-email-${contentHash(receiver.to)}`, {
          topicArn,
          protocol: 'email',
          endpoint: receiver.to,
        });
      if (receiver.kind === 'pagerduty')
        new SnsTopicSubscription(this, `${severity}-pagerduty-${contentHash(receiver.integrationKey)}`, {
          topicArn,
          protocol: 'https',
          endpoint: this.pagerDutyEndpoint(receiver),
          endpointAutoConfirms: true,
        });
    }
  }

  private pagerDutyEndpoint({ integrationKey, region }: ReceiverOf<'pagerduty'>): string {
    if (integrationKey.from !== 'aws-secrets-manager') throw new TypeError('the key of PagerDuty must lie in Secrets Manager');
    const { id, jsonKey } = integrationKey;
    const name = `PagerDuty-${contentHash(id)}`;
    const known = this.node.tryFindChild(name);
    const secret =
      known instanceof DataAwsSecretsmanagerSecretVersion ? known : new DataAwsSecretsmanagerSecretVersion(this, name, { secretId: id });
    const key = jsonKey === undefined ? secret.secretString : Fn.lookup(Fn.jsondecode(secret.secretString), jsonKey);
    return Fn.join('', [`https://${pagerDutyHosts[region]}/integration/`, key, '/enqueue']);
  }

  /** A channel of Slack is one resource, whatever it is told of: AWS takes no second one. */
  private defineChannels(receivers: NotificationsProps['declared']['receivers']): void {
    const channels = new Map<string, { readonly receiver: ReceiverOf<'slack'>; readonly topics: string[] }>();
    for (const severity of toldSeverities)
      for (const receiver of receivers[severity]) {
        if (receiver.kind !== 'slack') continue;
        const key = `${receiver.workspaceId}-${receiver.channelId}`;
        const { topics } = channels.get(key) ?? { topics: [] };
        channels.set(key, { receiver, topics: [...new Set([...topics, this.topics[severity].arn])] });
      }
    if (channels.size === 0) return;
    const iamRoleArn = this.defineChatRole();
    for (const [key, { receiver, topics }] of channels) this.defineChannel(key, receiver, topics, iamRoleArn);
  }

  private defineChannel(
    key: string,
    { workspaceId = '', channelId = '' }: ReceiverOf<'slack'>,
    snsTopicArns: string[],
    iamRoleArn: string,
  ): void {
    const identity = identityOf(this);
    new ChatbotSlackChannelConfiguration(this, `slack-${key}`, {
      configurationName: resourceName(identity, 'alerts', channelId.toLowerCase()),
      slackTeamId: workspaceId,
      slackChannelId: channelId,
      snsTopicArns,
      iamRoleArn,
      // Whatever somebody allows the role later, commands from the channel read CloudWatch and nothing else.
      guardrailPolicyArns: [globalArnOf(identity, 'iam', 'policy/CloudWatchReadOnlyAccess', 'aws')],
      loggingLevel: 'ERROR',
      userAuthorizationRequired: false,
    });
  }

  private defineChatRole(): string {
    const identity = identityOf(this);
    const name = resourceName(identity, 'alerts-chat');
    const role = new IamRole(this, 'ChatRole', {
      name,
      description: `shows alarms of ${identity.name} in chat`,
      assumeRolePolicy: policyDocument([chatStatement(identity)]),
    });
    new IamRolePolicy(this, 'show-alarms', { name: 'show-alarms', role: role.name, policy: policyDocument(showAlarmStatements(identity)) });
    return role.arn;
  }
}

function topicName(identity: EnvironmentIdentity, severity: ToldSeverity): string {
  return resourceName(identity, 'alerts', severity);
}

function topicArn(identity: EnvironmentIdentity, severity: ToldSeverity): string {
  return arnOf(identity, 'sns', topicName(identity, severity));
}
