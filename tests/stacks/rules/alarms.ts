import { argumentRule } from './arguments.ts';
import { type Block, ofTypes, type StackContent } from './content.ts';
import { type Planted, type Rule, resource } from './rule.ts';

const alarm = 'aws_cloudwatch_metric_alarm';
const composite = 'aws_cloudwatch_composite_alarm';
const topic = 'aws_sns_topic';

/** Names of the alarms that one resource makes. */
const namesOf = ({ arguments: { for_each } }: Block): readonly string[] => Object.keys((for_each ?? {}) as object);
/** On dashboards alone. */
const isInfo = (block: Block): boolean => namesOf(block).length > 0 && namesOf(block).every((name) => name.endsWith('-info'));
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > 0;

/** CloudWatch looks back a day, and a week where periods are an hour or more. */
const longestWindow = (periodSeconds: number): number => (periodSeconds < 3_600 ? 86_400 : 7 * 86_400);

interface Query {
  readonly period?: number;
  readonly expression?: string;
  readonly metric?: { readonly period: number };
}

function periodOf({ arguments: { period, metric_query } }: Block): number {
  const queries = (metric_query ?? []) as readonly Query[];
  return Number(period ?? Math.max(...queries.map((query) => query.period ?? query.metric?.period ?? 0)));
}

/** Reasons why CloudWatch would refuse an alarm. */
function refusals(block: Block): string[] {
  const { alarm_description, evaluation_periods, datapoints_to_alarm = evaluation_periods, metric_query } = block.arguments;
  const period = periodOf(block);
  const queries = (metric_query ?? []) as readonly Query[];
  const selects = queries.filter(({ expression }) => expression?.startsWith('SELECT') === true).length;
  return [
    ...namesOf(block).flatMap((name) => (name.length <= 255 && /^[ -~]+$/.test(name) ? [] : [`the name ${name}`])),
    ...(String(alarm_description).length <= 1_024 ? [] : ['a description of more than 1,024 characters']),
    ...(period > 0 && period % 60 === 0 ? [] : [`a period of ${period} s`]),
    ...(Number(evaluation_periods) * period <= longestWindow(period) ? [] : [`a window of ${evaluation_periods} times ${period} s`]),
    ...(Number(datapoints_to_alarm) <= Number(evaluation_periods) ? [] : ['more breaching periods than periods']),
    ...(selects <= 1 ? [] : ['more than one query']),
    ...(queries.length <= 10 ? [] : ['more than ten metrics']),
  ];
}

const good = {
  for_each: { 'planted-x-warning': '' },
  alarm_description: 'x\nRunbook: docs/runbooks/x.md',
  ...{ alarm_actions: ['a'], ok_actions: ['a'], period: 60, evaluation_periods: 1, datapoints_to_alarm: 1 },
};
const planted = (change: object): Planted => resource(alarm, { ...good, ...change });

/** Alarms of the rows of `alerts/`; those that only restart a machine tell nobody anything. */
const alertsIn = (stack: StackContent): readonly Block[] =>
  ofTypes(stack, alarm).filter(({ arguments: { for_each } }) => for_each !== undefined);

const violationsOf = (problems: (block: Block) => readonly string[]) => (stack: StackContent) =>
  alertsIn(stack).flatMap((block) => problems(block).map((problem) => `${block.path}: ${problem}`));

/** Alarms and who hears them. */
export const alarmRules: readonly Rule[] = [
  argumentRule({
    type: alarm,
    argument: 'alarm_actions',
    must: 'at least one: an alarm that nobody hears is none, unless it is info',
    holds: isList,
    wrong: [],
    only: (block) => !isInfo(block),
  }),
  {
    id: 'alarms-tell-their-end',
    what: 'whoever hears of an alarm hears of its end, and of info nobody does',
    violations: violationsOf((block) => {
      const { alarm_actions, ok_actions } = block.arguments;
      if (JSON.stringify(alarm_actions) !== JSON.stringify(ok_actions)) return ['tells its end to others than its beginning'];
      return isInfo(block) && alarm_actions !== undefined ? ['is info and tells somebody'] : [];
    }),
    planted: [planted({ ok_actions: [] }), planted({ for_each: { 'planted-x-info': '' } })],
  },
  {
    id: 'alarms-name-their-runbook',
    what: 'the notification says where the remedy is',
    violations: violationsOf(({ arguments: { alarm_description } }) =>
      /\nRunbook: \S+\.md$/.test(String(alarm_description)) ? [] : ['names no runbook'],
    ),
    planted: [planted({ alarm_description: 'x' }), planted({ alarm_description: undefined })],
  },
  {
    id: 'alarms-are-those-that-cloudwatch-takes',
    what: 'names, descriptions, periods and queries keep to the limits of CloudWatch',
    violations: violationsOf(refusals),
    planted: [
      planted({ for_each: { ['x'.repeat(256)]: '' } }),
      planted({ alarm_description: 'x'.repeat(1_025) }),
      planted({ period: 90 }),
      planted({ period: 300, evaluation_periods: 289 }),
      planted({ datapoints_to_alarm: 2 }),
      planted({ metric_query: [{ expression: 'SELECT MAX(a)' }, { expression: 'SELECT MAX(b)' }] }),
    ],
  },
  {
    id: 'composites-tell-nobody',
    what: 'a composite alarm is a state: one that tells would be silent when a second child joins',
    violations: (stack) =>
      ofTypes(stack, composite)
        .filter(({ arguments: { alarm_actions, ok_actions } }) => alarm_actions !== undefined || ok_actions !== undefined)
        .map(({ path }) => `${path} tells somebody`),
    planted: [resource(composite, { alarm_actions: ['a'] })],
  },
  {
    id: 'composites-come-after-their-children',
    what: 'CloudWatch refuses a composite of alarms that are not there, and to delete what one is made of',
    violations: (stack) =>
      ofTypes(stack, composite)
        .filter(({ arguments: { depends_on, lifecycle } }) => {
          const { create_before_destroy: before } = (lifecycle ?? {}) as { create_before_destroy?: boolean };
          return before !== true || !isList(depends_on);
        })
        .map(({ path }) => `${path} may be made before its children, or go after them`),
    planted: [resource(composite, { lifecycle: { create_before_destroy: true } }), resource(composite, { depends_on: ['a'] })],
  },
  {
    id: 'topics-have-a-policy',
    what: 'a topic says who may publish to it',
    violations: (stack) => {
      const policies = JSON.stringify(ofTypes(stack, 'aws_sns_topic_policy').map(({ arguments: args }) => args.arn));
      return ofTypes(stack, topic).flatMap(({ name, path }) =>
        policies.includes(`${topic}.${name}.arn`) ? [] : [`${path} has no policy`],
      );
    },
    planted: [resource(topic, { kms_master_key_id: 'key' })],
  },
  argumentRule({
    type: 'aws_sns_topic_subscription',
    argument: 'protocol',
    must: 'email or https',
    holds: (value) => value === 'email' || value === 'https',
    wrong: 'http',
  }),
];
