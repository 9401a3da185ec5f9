import type { Environment } from '../environments/schema.ts';
import type { SecretRef } from '../runtime/src/contracts/binding.ts';
import type { Problem } from '../runtime/src/contracts/problems.ts';
import { toldSeverities } from './row.ts';

type Receiver = Environment['alerts']['receivers']['critical'][number];

/** Job of Prometheus that scrapes the probe; a service of that name would be a second one. */
export const probeJob = 'probe';

/** What a receiver needs in order to be told by Alertmanager: a problem, or nothing. */
function receiverProblem(receiver: Receiver, { alerts, engine }: Environment): string | undefined {
  switch (receiver.kind) {
    case 'slack':
      if (receiver.workspaceId !== undefined || receiver.channelId !== undefined)
        return `workspaceId and channelId are for AWS; with the engine ${engine.kind} declare the incoming webhook of the channel as webhook`;
      return receiver.webhook === undefined ? 'declare the incoming webhook of the channel as webhook' : unreadable(receiver.webhook);
    case 'pagerduty':
      return unreadable(receiver.integrationKey);
    case 'email':
      return alerts.smtp === undefined ? 'e-mail needs a server that takes it; declare alerts.smtp' : undefined;
    case 'webhook':
      return webhookProblem(new URL(receiver.url));
  }
}

/** The address stands in the configuration as it is declared, so nothing in it may be a secret. */
function webhookProblem({ protocol, username, password }: URL): string | undefined {
  if (!['http:', 'https:'].includes(protocol)) return `must have a url that begins with http:// or https://, got ${protocol}//`;
  return username + password === '' ? undefined : 'must have no user and no password in its url; let the program take its calls without';
}

/** Receivers that are told twice, and those that Alertmanager cannot tell. What AWS can tell, its construct knows: `constructs/aws/notifications/`. */
export function receiverProblems(environment: Environment): Problem[] {
  const { alerts, engine } = environment;
  const problems = repeatedReceivers(alerts.receivers);
  return engine.kind === 'aws' ? problems : [...problems, ...problemsOfAlertmanager(environment)];
}

function repeatedReceivers(receivers: Environment['alerts']['receivers']): Problem[] {
  return toldSeverities.flatMap((severity) => {
    const texts = receivers[severity].map((receiver) => JSON.stringify(receiver));
    return texts.flatMap((text, index): Problem[] => {
      const first = texts.indexOf(text);
      const message = `must name each receiver once, got that of ${severity}.${first} again; remove it`;
      return first === index ? [] : [{ path: `alerts.receivers.${severity}.${index}`, message }];
    });
  });
}

function problemsOfAlertmanager(environment: Environment): Problem[] {
  const { alerts, services } = environment;
  const problems: Problem[] = toldSeverities.flatMap((severity) =>
    alerts.receivers[severity].flatMap((receiver, index) => {
      const message = receiverProblem(receiver, environment);
      return message === undefined ? [] : [{ path: `alerts.receivers.${severity}.${index}`, message }];
    }),
  );
  const told = Object.values(alerts.receivers).flat().length > 0;
  const kinds = Object.values(services).map(({ kind }) => kind);
  const lacking = (['prometheus', 'alertmanager'] as const).filter((kind) => !kinds.includes(kind));
  if (told && lacking.length > 0) {
    const message = `nobody tells them: declare a service of kind ${lacking.join(' and one of kind ')}, or remove the receivers`;
    problems.push({ path: 'alerts.receivers', message });
  }
  const password = alerts.smtp?.password === undefined ? undefined : unreadable(alerts.smtp.password);
  if (password !== undefined) problems.push({ path: 'alerts.smtp.password', message: password });
  if (kinds.includes('prometheus') && Object.hasOwn(services, probeJob))
    problems.push({ path: `services.${probeJob}`, message: `must have another name: ${probeJob} is the job of the probe in Prometheus` });
  return problems;
}

function unreadable({ from, jsonKey }: SecretRef): string | undefined {
  if (jsonKey !== undefined) return `must have no jsonKey, got ${jsonKey}; name a variable or a file with the secret alone`;
  return from === 'aws-secrets-manager' ? 'a secret of AWS is not read here; take one from env or file' : undefined;
}
