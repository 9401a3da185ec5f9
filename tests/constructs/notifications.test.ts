import { Notifications } from '../../constructs/aws/notifications/index.ts';
import type { Receiver } from '../../constructs/aws/notifications/props.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import { Template } from '../support/template.ts';

const encryptionKeyArn = 'arn:aws:kms:key';
const secret = (name: string, region = 'eu-central-1') => `arn:aws:secretsmanager:${region}:111111111111:secret:${name}-AbCdEf`;
const email: Receiver = { kind: 'email', to: 'on-call@example.com' };
const slack: Receiver = { kind: 'slack', workspaceId: 'T0001', channelId: 'C0001' };
const pagerDuty: Receiver = {
  kind: 'pagerduty',
  region: 'us',
  integrationKey: { from: 'aws-secrets-manager', id: secret('pagerduty'), jsonKey: 'key' },
};

interface Declared {
  readonly warning?: Receiver[];
  readonly critical?: Receiver[];
  readonly smtp?: { readonly host: string; readonly port: number; readonly from: string };
}

function define({ warning = [], critical = [], smtp }: Declared = {}): Template {
  return Template.of((stack) => {
    const declared = { receivers: { warning, critical }, ...(smtp && { smtp }) };
    new Notifications(stack, 'Notifications', { declared, encryptionKeyArn });
  });
}

const statementsOf = (text: unknown): PolicyStatement[] => JSON.parse(String(text)).Statement;

describe('minimal', () => {
  const template = define();

  test('is a topic for each severity that is told, encrypted with the key of the environment', () => {
    expect(template.counts()).toEqual({ aws_sns_topic: 2, aws_sns_topic_policy: 2 });
    expect(template.all('aws_sns_topic')).toMatchObject([
      { name: 'test-alerts-critical', kms_master_key_id: encryptionKeyArn },
      { name: 'test-alerts-warning', kms_master_key_id: encryptionKeyArn },
    ]);
  });

  test('lets alarms of this environment publish, nobody without TLS, and nobody else', () => {
    for (const { policy } of template.all('aws_sns_topic_policy')) {
      expect(statementsOf(policy)).toMatchObject([
        {
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'sns:Publish',
          Condition: {
            StringEquals: { 'aws:SourceAccount': '111111111111' },
            ArnLike: { 'aws:SourceArn': 'arn:aws:cloudwatch:eu-central-1:111111111111:alarm:test-*' },
          },
        },
        { Effect: 'Deny', Principal: '*', Action: 'sns:Publish', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      ]);
    }
  });
});

describe('everything set', () => {
  const template = define({ warning: [email, slack], critical: [email, slack, pagerDuty] });
  const subscriptions = template.all('aws_sns_topic_subscription');

  test('subscribes e-mail to each severity that names it', () => {
    expect(subscriptions.filter(({ protocol }) => protocol === 'email')).toMatchObject([
      { topic_arn: expect.stringContaining('critical'), endpoint: 'on-call@example.com' },
      { topic_arn: expect.stringContaining('warning'), endpoint: 'on-call@example.com' },
    ]);
  });

  test('calls PagerDuty over HTTPS, with the key from Secrets Manager and nowhere in the plan', () => {
    const pager = subscriptions.filter(({ protocol }) => protocol === 'https');
    expect(pager).toMatchObject([{ topic_arn: expect.stringContaining('critical'), endpoint_auto_confirms: true }]);
    expect(pager[0]?.endpoint).toMatch(
      /^\$\{join\("", \["https:\/\/events\.pagerduty\.com\/integration\/", jsondecode\(data\..*\.secret_string\)\.key, "\/enqueue"\]\)\}$/,
    );
    expect(template.text).toContain(secret('pagerduty'));
  });

  test('writes to a channel of Slack once for both severities, as a role that reads CloudWatch alone', () => {
    const channel = template.one('aws_chatbot_slack_channel_configuration');
    expect(channel).toMatchObject({
      ...{ configuration_name: 'test-alerts-c0001', slack_team_id: 'T0001', slack_channel_id: 'C0001' },
      guardrail_policy_arns: ['arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess'],
    });
    expect(channel.sns_topic_arns).toHaveLength(2);
    const actions = template
      .all('aws_iam_role_policy')
      .flatMap(({ policy }) => statementsOf(policy).flatMap(({ Action }) => [Action].flat()));
    expect(actions.filter((action) => !/^cloudwatch:(Describe|Get)/.test(String(action)))).toEqual([]);
    expect(statementsOf(template.one('aws_iam_role').assume_role_policy)).toMatchObject([
      { Principal: { Service: 'chatbot.amazonaws.com' }, Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' } } },
    ]);
  });
});

test('calls the PagerDuty of Europe for an account that stands there', () => {
  const [pager] = define({ critical: [{ ...pagerDuty, region: 'eu' }] }).all('aws_sns_topic_subscription');
  expect(pager?.endpoint).toContain('"https://events.eu.pagerduty.com/integration/"');
});

test('two keys in one secret are read once', () => {
  const other: Receiver = {
    kind: 'pagerduty',
    region: 'us',
    integrationKey: { from: 'aws-secrets-manager', id: secret('pagerduty'), jsonKey: 'other' },
  };
  const { data } = JSON.parse(define({ warning: [other], critical: [pagerDuty] }).text) as { data: Record<string, object> };
  expect(Object.keys(data.aws_secretsmanager_secret_version ?? {})).toHaveLength(1);
});

describe('refuses', () => {
  const refusals: readonly (readonly [what: string, Declared, sentence: string])[] = [
    [
      'a webhook',
      { warning: [{ kind: 'webhook', url: 'https://example.com/hook' }] },
      'alerts.receivers.warning.0 must be one of email, slack, pagerduty on AWS, got webhook',
    ],
    [
      'Slack without a workspace',
      { critical: [{ kind: 'slack', channelId: 'C0001' }] },
      'alerts.receivers.critical.0 must name workspaceId and channelId on AWS, got "no workspace" and "C0001"',
    ],
    [
      'Slack with a webhook',
      { critical: [{ ...slack, webhook: { from: 'env', id: 'HOOK' } }] },
      'alerts.receivers.critical.0 must have no webhook on AWS',
    ],
    [
      'a key that is not in Secrets Manager',
      { critical: [{ ...pagerDuty, integrationKey: { from: 'env', id: 'KEY' } }] },
      'must have its integrationKey from aws-secrets-manager on AWS, got from "env"',
    ],
    [
      'a key in another region',
      { critical: [{ ...pagerDuty, integrationKey: { from: 'aws-secrets-manager', id: secret('x', 'us-east-1') } }] },
      'must have its integrationKey in eu-central-1, got',
    ],
    [
      'a server for e-mail',
      { smtp: { host: 'mail.example.com', port: 25, from: 'a@example.com' } },
      'alerts.smtp must be left out on AWS, where SNS sends e-mail, got "mail.example.com"',
    ],
  ];

  test.each(refusals)('%s', (_what, declared, sentence) => {
    expect(() => define(declared)).toThrow(sentence);
  });

  test('all of them at once', () => {
    const declared = {
      warning: refusals.flatMap(([, { warning = [] }]) => warning),
      critical: refusals.flatMap(([, { critical = [] }]) => critical),
      ...refusals.at(-1)![1],
    };
    expect(() => define(declared)).toThrow(`alerts of test has ${refusals.length} problems`);
  });
});
