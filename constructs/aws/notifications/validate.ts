import { toldSeverities } from '../../../alerts/row.ts';
import { quoted, type Rule, validate } from '../../core/validate.ts';
import type { DeclaredNotifications, Receiver, ReceiverOf } from './props.ts';

/** What is declared, and the region whose Secrets Manager is read. */
export interface NotificationsInRegion extends DeclaredNotifications {
  readonly region: string;
}

/** One thing that receivers of a kind must be on AWS. */
interface Refusal<K extends Receiver['kind']> {
  readonly kind: K;
  readonly breaks: (receiver: ReceiverOf<K>, region: string) => boolean;
  /** Follows the place of the receiver: `must ..., got ...`. */
  readonly message: (receiver: ReceiverOf<K>, region: string) => string;
}

function receiverRule<K extends Receiver['kind']>({ kind, breaks, message }: Refusal<K>): Rule<NotificationsInRegion> {
  const broken = ({ receivers, region }: NotificationsInRegion) =>
    toldSeverities.flatMap((severity) =>
      receivers[severity].flatMap((receiver, index) => {
        const one = receiver.kind === kind ? (receiver as ReceiverOf<K>) : undefined;
        return one !== undefined && breaks(one, region) ? [`alerts.receivers.${severity}.${index} ${message(one, region)}`] : [];
      }),
    );
  return { condition: (declared) => broken(declared).length > 0, message: broken };
}

const regionOf = (id: string): string | undefined => (id.startsWith('arn:') ? id.split(':')[3] : undefined);

/** What receivers must be on AWS. */
const notificationRules: readonly Rule<NotificationsInRegion>[] = [
  receiverRule({
    kind: 'webhook',
    breaks: () => true,
    message: ({ url }) =>
      `must be one of email, slack, pagerduty on AWS, got webhook ${quoted(url)}: SNS signs its requests in a form of its own`,
  }),
  receiverRule({
    kind: 'slack',
    breaks: ({ workspaceId, channelId }) => workspaceId === undefined || channelId === undefined,
    message: ({ workspaceId, channelId }) =>
      `must name workspaceId and channelId on AWS, got ${quoted(workspaceId ?? 'no workspace')} and ${quoted(channelId ?? 'no channel')}`,
  }),
  receiverRule({
    kind: 'slack',
    breaks: ({ webhook }) => webhook !== undefined,
    message: () => 'must have no webhook on AWS, where Amazon Q Developer in chat applications writes to the channel',
  }),
  receiverRule({
    kind: 'pagerduty',
    breaks: ({ integrationKey: { from } }) => from !== 'aws-secrets-manager',
    message: ({ integrationKey: { from } }) => `must have its integrationKey from aws-secrets-manager on AWS, got from ${quoted(from)}`,
  }),
  receiverRule({
    kind: 'pagerduty',
    breaks: ({ integrationKey }, region) =>
      integrationKey.from === 'aws-secrets-manager' && ![undefined, region].includes(regionOf(integrationKey.id)),
    message: ({ integrationKey }, region) =>
      `must have its integrationKey in ${region}, got ${quoted(integrationKey.from === 'aws-secrets-manager' ? integrationKey.id : '')}`,
  }),
  {
    condition: ({ smtp }) => smtp !== undefined,
    message: ({ smtp }) => `alerts.smtp must be left out on AWS, where SNS sends e-mail, got ${quoted(smtp?.host)}`,
  },
];

/**
 * Refuses receivers that AWS cannot tell.
 *
 * @param environment its name.
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all of them.
 */
export function validateNotifications(environment: string, declared: NotificationsInRegion): void {
  validate(`alerts of ${environment}`, notificationRules, declared);
}
