import type { AlertedEnvironment } from '../../alerts/resolve.ts';
import type { AlertRow } from '../../alerts/row.ts';
import { Alarms } from '../../constructs/aws/alarms/index.ts';
import type { AlarmsProps } from '../../constructs/aws/alarms/props.ts';
import { type AlarmTarget, tableTarget } from '../../constructs/core/alarm-target.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { Template } from '../support/template.ts';

const topicArns = { warning: 'arn:warning', critical: 'arn:critical' };

export const row: AlertRow = {
  id: 'redis-full',
  subject: 'redis',
  title: 'Redis is full',
  unit: '1',
  comparison: '>',
  levels: { warning: { threshold: 0.7, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.9, forSeconds: 90 } },
  missing: 'fine',
  cloudWatch: [{ of: 'elasticache', metric: 'Used', periodSeconds: 60, scale: 100 }],
  why: 'Writes fail.',
  source: 'a requirement',
};

const source = (node: string) => ({
  namespace: 'AWS/ElastiCache',
  dimensions: { Group: 'test-cache', CacheClusterId: node },
  detail: node,
});
export const target: AlarmTarget = tableTarget({
  ...{ service: 'cache', offering: 'elasticache' },
  table: {
    Used: { statistic: 'Maximum', of: 'node' },
    Free: { statistic: 'Minimum', of: 'node' },
    Total: { statistic: 'Sum', of: 'cluster' },
    Tiered: { statistic: 'Maximum', of: 'node', on: 'tiered' },
  },
  sources: {
    node: [source('001'), source('002')],
    cluster: [{ namespace: 'AWS/ElastiCache', dimensions: { Group: 'test-cache' } }],
  },
  limits: { slots: 40, unknown: undefined, each: { '001': 10, '002': 20 } },
});
export const probe: AlarmTarget = tableTarget({
  ...{ service: 'cache', offering: 'probe', table: { 'redis.stream.lag': { statistic: 'Maximum', of: 'group' } } },
  sources: { group: [{ namespace: 'Millrace', dimensions: { Topic: 'a' }, detail: 'a' }] },
});

export function environmentWith(
  alerts: object = {},
  more: EnvironmentInput['services'] = {},
): AlertedEnvironment & { readonly name: string } {
  return parseEnvironment({
    name: 'test',
    engine: { kind: 'aws', account: '111111111111', region: 'eu-central-1', network: { kind: 'own', cidr: '10.0.0.0/16' } },
    size: 'medium',
    services: { cache: { kind: 'redis', role: 'cache' }, ...more },
    alerts,
  });
}

export function define(
  rows: readonly AlertRow[],
  props: Partial<AlarmsProps> = {},
  look: (alarms: Alarms) => void = () => undefined,
): Template {
  return Template.of((stack) => {
    look(new Alarms(stack, 'Alarms', { environment: environmentWith(), targets: [target], topicArns, rows, ...props }));
  });
}

export const alarms = (template: Template) => template.all('aws_cloudwatch_metric_alarm');
export const names = (template: Template) =>
  alarms(template)
    .flatMap(({ for_each }) => Object.keys(for_each as object))
    .sort();
export const ofSeverity = (template: Template, severity: string) =>
  alarms(template).find(({ for_each }) => Object.keys(for_each as object)[0]?.endsWith(severity));
export const variant = (change: Partial<AlertRow>): AlertRow => ({ ...row, ...change });
export const view = (change: object): AlertRow => variant({ cloudWatch: [{ of: 'elasticache', periodSeconds: 60, ...change } as never] });
