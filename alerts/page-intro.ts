/** What a reader of the page of alerts is told before the alerts. */
export const alertsIntro = `# Alerts

Generated from the tables in \`alerts/rows/\` by \`make generate\`.

Every alert is one row of a table. From the row come the alarm of CloudWatch on AWS (stack \`ENV-observability\`), the rule of Prometheus elsewhere (\`make up\`), the panels of
the dashboards, and this page; its runbook says what to do. \`critical\` wakes somebody up, \`warning\` is for the next working day. An environment has the alerts of the
services that it declares.

## Change or disable an alert

In the declaration of the environment (\`environments/staging.ts\`, \`environments/local.ts\`), with a reason, which stands in the plan and beside the rule:

\`\`\`ts
alerts: {
  overrides: {
    'streams-lag': { threshold: 5_000, reason: 'imports every night, nobody waits for them' },
    'redis-cache-evictions@cache': { disabled: true, reason: 'the cache is full on purpose' },
    'probe-slow@search': { disabled: true, reason: 'a small machine, looked at by hand' },
  },
},
\`\`\`

| key | changes |
|---|---|
| \`ALERT\` | every severity, for all services |
| \`ALERT.SEVERITY\` | one severity, for all services |
| \`ALERT@SERVICE\`, \`ALERT.SEVERITY@SERVICE\` | the same for one service or worker |

The closest key holds. What the tables below show as \`80 %\` is written \`0.8\`. On AWS a threshold without
\`@SERVICE\` is refused where it would also replace one that a service's own way of measuring has below: name the service. \`probe-silent\` is one alarm for all services there and takes no
\`@SERVICE\`. How long a condition must last is not changed by environments; the table is. Where values jump, CloudWatch does not wait for all of that time but for so many of so many
periods, as the tables say.

## Who is told

\`\`\`ts
alerts: {
  receivers: {
    warning: [{ kind: 'email', to: 'platform@example.com' }],
    critical: [
      { kind: 'email', to: 'on-call@example.com' },
      { kind: 'pagerduty', integrationKey: { from: 'aws-secrets-manager', id: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:pagerduty-AbCdEf' } },
      { kind: 'slack', workspaceId: 'T0123456789', channelId: 'C0123456789' },
    ],
  },
  runbooks: 'https://github.com/example/platform/blob/main/docs/runbooks/',
},
\`\`\`

That is for AWS: SNS sends e-mail, each address confirms once. What Slack and PagerDuty ask of you there, once, is in [aws.md](aws.md#alarms).

Where Alertmanager sends (\`make up\`), e-mail needs \`smtp\`, and \`{ kind: 'webhook', url }\` calls a program of yours. Slack is
\`{ kind: 'slack', webhook: { from: 'file', id: 'secrets/slack-webhook' } }\`: the address of an incoming webhook, alone in \`.millrace/local/secrets/slack-webhook\`. That folder is
read by nobody else, and \`down --wipe\` removes it. \`{ from: 'env', id: 'SLACK_WEBHOOK' }\` takes the address from a variable of \`make up\` instead. A key of PagerDuty lies in a
file or a variable too. Without receivers alerts show on dashboards and tell nobody.

## What it costs

Prometheus and Alertmanager cost the machine they run on. On AWS an alarm on a metric is 0.10 USD a month (one on metric math 0.10 for each metric in it), a composite alarm 0.50, and each
series that the probe makes 0.30: lag, backlog, pending and what else the tables below take from it, for each topic and group. \`make synth\` says the sum.

Servers hardly feel the probe. A look at Redis is \`INFO\` of each node and, of each stream, three commands and four more for each group, none of which reads more than one entry; of
the streams of tenants it takes 500 a look. It looks every 10 seconds with \`make up\`, every 15 by itself, and every minute on AWS.`;
