import * as z from 'zod';
import { secretRef } from '../runtime/src/contracts/binding.ts';

/** Why a default is not good enough here; others read it, so one word is not a reason. */
export const reason = z.string().min(10);

const alertOverride = z.union([z.strictObject({ threshold: z.number(), reason }), z.strictObject({ disabled: z.literal(true), reason })]);
/** `ALERT[.SEVERITY][@SERVICE]`: the closest one holds. */
const alertKey = z.string().regex(/^[a-z][a-z0-9-]*(\.(info|warning|critical))?(@[a-z][a-z0-9-]*)?$/);

const email = z.strictObject({ kind: z.literal('email'), to: z.email() });
/** A channel of Slack: on AWS by Amazon Q Developer in chat applications, which an administrator of the workspace has let in; elsewhere by an incoming webhook. */
const slack = z.strictObject({
  kind: z.literal('slack'),
  /** On AWS. */
  workspaceId: z
    .string()
    .regex(/^T[A-Z0-9]+$/)
    .optional(),
  /** On AWS. */
  channelId: z
    .string()
    .regex(/^[CG][A-Z0-9]+$/)
    .optional(),
  /** Elsewhere: where the address of the webhook lies, which is a secret. */
  webhook: z.optional(secretRef),
});
/** A service of PagerDuty, by its integration key. */
const pagerDuty = z.strictObject({
  kind: z.literal('pagerduty'),
  integrationKey: secretRef,
  /** Where the account of PagerDuty stands: `eu` where its own address ends in eu.pagerduty.com. */
  region: z.enum(['us', 'eu']).default('us'),
});
/** A program of yours that takes Alertmanager's notifications; not on AWS. */
const webhook = z.strictObject({ kind: z.literal('webhook'), url: z.url() });
const smtp = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  from: z.email(),
  username: z.string().optional(),
  password: z.optional(secretRef),
});
const defaultRunbooks = 'docs/runbooks/';
const defaultReceivers = { warning: [], critical: [] };
/** What an environment has that says nothing of alerts. */
export const defaultAlerts = { overrides: {}, receivers: defaultReceivers, runbooks: defaultRunbooks };
const receiver = z.discriminatedUnion('kind', [email, slack, pagerDuty, webhook]);

/** What an environment changes of the table of alerts, and who is told. */
export const alerts = z.strictObject({
  /** A threshold that is another here, or an alert that is none, each with its reason. */
  overrides: z.record(alertKey, alertOverride).default({}),
  /** Who is told of alerts of a severity; of `info` nobody is. */
  receivers: z.strictObject({ warning: z.array(receiver).default([]), critical: z.array(receiver).default([]) }).default(defaultReceivers),
  /** Where the runbooks are read: what stands before `ID.md` in notifications; best an address that a phone opens. */
  runbooks: z.string().min(1).default(defaultRunbooks),
  /** Server that takes e-mail; not on AWS, where SNS sends it. */
  smtp: smtp.optional(),
});
