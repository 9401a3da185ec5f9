import type { Environment } from '../environments/schema.ts';
import type { SecretRef } from '../runtime/src/contracts/binding.ts';
import { type SignalLabel, signalLabels } from '../runtime/src/contracts/signals.ts';
import { probeJob } from './check-receivers.ts';

type Receiver = Environment['alerts']['receivers']['critical'][number];
type Smtp = NonNullable<Environment['alerts']['smtp']>;

/** Path of the file that the host of Alertmanager writes a secret to: the configuration names secrets by their files and never holds one. */
export type SecretFile = (ref: SecretRef) => string;

/** Receiver without targets: what it gets shows on Alertmanager's page and in its API. */
const nobody = 'nobody';

/** How soon after its first alert a notification goes out, so that what comes of the same cause is in it and what a critical alert inhibits never goes out. */
const groupWait = '10s';

/** After how long those are told again who have not mended it: at night for what wakes people, next day for what waits for the day. */
const repeatAfter = { critical: '4h', warning: '24h' } as const;

/** Addresses of PagerDuty other than Alertmanager's own. */
const pagerDutyUrls = { us: undefined, eu: 'https://events.eu.pagerduty.com/v2/enqueue' } as const;

/** Labels that tell which thing of a service an alert is about. */
const aboutTheSame = ['alertname', ...signalLabels];

/** What follows from what: whoever mends the cause has mended the rest, of the same thing. */
const consequences: readonly { readonly cause: string; readonly follows: readonly string[]; readonly of: readonly SignalLabel[] }[] = [
  { cause: 'outbox-lease-lost', follows: ['outbox-oldest-age'], of: ['service', 'sink'] },
  { cause: 'streams-backlog', follows: ['streams-lag'], of: ['service', 'topic', 'group'] },
  { cause: 'redis-writes-refused', follows: ['redis-memory'], of: ['service', 'node'] },
  { cause: 'kafka-broker-offline', follows: ['kafka-under-replicated'], of: ['service'] },
  { cause: 'kafka-group-idle', follows: ['kafka-group-lag'], of: ['service', 'group'] },
  { cause: 'rabbitmq-alarm', follows: ['rabbitmq-memory', 'rabbitmq-disk'], of: ['service', 'node'] },
  { cause: 'rabbitmq-queue-unconsumed', follows: ['rabbitmq-queue-depth'], of: ['service', 'queue'] },
];

const runbooks = `{{ range .Alerts }}{{ .Annotations.summary }}
{{ .Annotations.description }}
{{ .Annotations.runbook_url }}
{{ end }}`;
const headline = '{{ .Status | toUpper }} {{ .CommonLabels.environment }} {{ .CommonLabels.service }}: {{ .CommonLabels.alertname }}';

/** alertmanager.yml. Severities that nobody is declared for, and `info`, tell nobody. JSON is YAML. */
export function renderAlertmanagerYml({ receivers, smtp }: Pick<Environment['alerts'], 'receivers' | 'smtp'>, file: SecretFile): string {
  const told = (['critical', 'warning'] as const).filter((severity) => receivers[severity].length > 0);
  const config = {
    route: {
      receiver: nobody,
      // One notification for an alert of a service, with all its nodes, queues and groups in it.
      group_by: ['alertname', 'service'],
      group_wait: groupWait,
      group_interval: '1m',
      repeat_interval: repeatAfter.critical,
      routes: told.map((severity) => ({
        receiver: severity,
        matchers: [`severity="${severity}"`],
        repeat_interval: repeatAfter[severity],
        // A probe that has died is silent about every service, and that is one thing to mend.
        routes: [{ matchers: ['alertname="probe-silent"'], group_by: ['alertname'] }],
      })),
    },
    inhibit_rules: [
      // Of the same thing: a queue that is critical says nothing about the others.
      { source_matchers: ['severity="critical"'], target_matchers: ['severity=~"warning|info"'], equal: aboutTheSame },
      {
        source_matchers: ['alertname="probe-service-unreachable"'],
        target_matchers: ['alertname!="probe-service-unreachable"'],
        equal: ['service'],
      },
      { source_matchers: ['alertname="probe-silent"'], target_matchers: ['alertname="prometheus-target-down"', `job="${probeJob}"`] },
      ...consequences.map(({ cause, follows, of }) => ({
        source_matchers: [`alertname="${cause}"`],
        target_matchers: [`alertname=~"${follows.join('|')}"`],
        equal: of,
      })),
    ],
    receivers: [{ name: nobody }, ...told.map((severity) => ({ name: severity, ...targetsOf(receivers[severity], smtp, file) }))],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function targetsOf(receivers: readonly Receiver[], smtp: Smtp | undefined, file: SecretFile) {
  const targets = receivers.map((receiver) => targetOf(receiver, smtp, file));
  const kinds = [...new Set(targets.map(([kind]) => kind))];
  return Object.fromEntries(kinds.map((kind) => [kind, targets.flatMap(([other, target]) => (other === kind ? [target] : []))]));
}

/** The list of a receiver that a target stands in, and the target. */
function targetOf(receiver: Receiver, smtp: Smtp | undefined, file: SecretFile): [list: string, target: object] {
  const told = { send_resolved: true };
  switch (receiver.kind) {
    case 'email':
      return ['email_configs', { ...told, to: receiver.to, headers: { Subject: headline }, ...(smtp && mailServer(smtp, file)) }];
    case 'slack':
      return [
        'slack_configs',
        { ...told, ...(receiver.webhook && { api_url_file: file(receiver.webhook) }), title: headline, text: runbooks },
      ];
    case 'pagerduty': {
      const url = pagerDutyUrls[receiver.region];
      return [
        'pagerduty_configs',
        {
          ...told,
          ...(url !== undefined && { url }),
          ...{ routing_key_file: file(receiver.integrationKey), severity: '{{ .CommonLabels.severity }}', description: headline },
          details: { runbook: '{{ .CommonAnnotations.runbook_url }}', firing: runbooks },
        },
      ];
    }
    case 'webhook':
      return ['webhook_configs', { ...told, url: receiver.url }];
  }
}

function mailServer({ host, port, from, username, password }: Smtp, file: SecretFile) {
  return {
    ...{ from, smarthost: `${host}:${port}` },
    ...(username !== undefined && { auth_username: username }),
    ...(password !== undefined && { auth_password_file: file(password) }),
  };
}
