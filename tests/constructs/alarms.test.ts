import type { AlarmTarget } from '../../constructs/core/alarm-target.ts';
import { alarms, define, environmentWith, names, ofSeverity, row, target, variant, view } from './alarms-cases.ts';

describe('a row', () => {
  const template = define([row]);
  const warning = ofSeverity(template, 'warning');
  const critical = ofSeverity(template, 'critical');

  test('is an alarm for each node and severity, named after environment, service, alert, node and severity', () => {
    expect(names(template)).toEqual([
      'test-cache-redis-full-001-critical',
      'test-cache-redis-full-001-warning',
      'test-cache-redis-full-002-critical',
      'test-cache-redis-full-002-warning',
    ]);
  });

  test('shows a reviewer the question once and below it what differs', () => {
    expect(warning).toMatchObject({
      alarm_name: `\${each.key}`,
      for_each: { 'test-cache-redis-full-001-warning': '001', 'test-cache-redis-full-002-warning': '002' },
      ...{ namespace: 'AWS/ElastiCache', metric_name: 'Used', statistic: 'Maximum', period: 60 },
      dimensions: { Group: 'test-cache', CacheClusterId: `\${each.value}` },
      ...{ comparison_operator: 'GreaterThanThreshold', threshold: 70, treat_missing_data: 'notBreaching' },
    });
  });

  test('breaches for as many periods as it must last, or so many of so many', () => {
    expect(warning).toMatchObject({ datapoints_to_alarm: 3, evaluation_periods: 5 });
    expect(critical).toMatchObject({ evaluation_periods: 2 });
    expect(critical).not.toHaveProperty('datapoints_to_alarm');
  });

  test('says what, why and where the runbook is', () => {
    expect(warning?.alarm_description).toBe('Redis is full.\nWrites fail.\nRunbook: docs/runbooks/redis-full.md');
  });

  test('tells the topic of its severity when it begins and when it ends', () => {
    expect(warning).toMatchObject({ alarm_actions: ['arn:warning'], ok_actions: ['arn:warning'] });
    expect(critical).toMatchObject({ alarm_actions: ['arn:critical'], ok_actions: ['arn:critical'] });
  });

  test('of the severity info tells nobody', () => {
    const [info] = alarms(define([variant({ levels: { info: { threshold: 1, forSeconds: 0 } } })]));
    expect(info).not.toHaveProperty('alarm_actions');
    expect(info).toMatchObject({ evaluation_periods: 1 });
  });

  test.each([
    ['fine', 'notBreaching'],
    ['trouble', 'breaching'],
    ['as-before', 'ignore'],
  ] as const)('whose silence is %s treats missing data as %s', (missing, treated) => {
    expect(alarms(define([variant({ missing })]))[0]).toMatchObject({ treat_missing_data: treated });
  });

  test('that servers of this type do not have is no alarm', () => {
    expect(names(define([view({ metric: 'Tiered' })]))).toEqual([]);
  });

  test('that asks for what nobody knows is refused', () => {
    expect(() => define([view({ metric: 'Usd' })])).toThrow('alerts ask elasticache for Usd, which it does not know');
    expect(() => define([view({ metric: 'Used', shareOf: 'slot' })])).toThrow('alerts ask elasticache for the limit slot');
  });
});

describe('math', () => {
  const template = define([view({ expression: 'used + free / total', metrics: { used: 'Used', free: 'Free', total: 'Total' } })]);

  test('is asked of each node, with what is the same for all of them', () => {
    const warning = ofSeverity(template, 'warning');
    expect(warning?.metric_query).toMatchObject([
      { id: 'used', metric: { metric_name: 'Used', stat: 'Maximum', dimensions: { CacheClusterId: `\${each.value}` } } },
      { id: 'free', metric: { metric_name: 'Free', stat: 'Minimum', dimensions: { CacheClusterId: `\${each.value}` } } },
      { id: 'total', metric: { metric_name: 'Total', dimensions: { Group: 'test-cache' } } },
      { id: 'result', expression: 'used + free / total', return_data: true },
    ]);
    expect(warning).not.toHaveProperty('dimensions');
  });
});

test('an anomaly is outside a band as wide as the threshold says, both ways', () => {
  const [anomaly] = alarms(
    define([
      variant({
        levels: { info: { threshold: 3, forSeconds: 0 } },
        cloudWatch: [{ of: 'elasticache', anomalyOf: 'Used', periodSeconds: 300 }],
      }),
    ]),
  );
  expect(anomaly).toMatchObject({ comparison_operator: 'LessThanLowerOrGreaterThanUpperThreshold', threshold_metric_id: 'band' });
  expect(anomaly).not.toHaveProperty('threshold');
  expect(anomaly?.metric_query).toMatchObject([
    { id: 'm', return_data: true },
    { id: 'band', expression: 'ANOMALY_DETECTION_BAND(m, 3)' },
  ]);
});

test('what nodes tell under names that nobody knows is asked by a query', () => {
  const asking: AlarmTarget = {
    ...target,
    series: (name) =>
      target
        .series(name)
        ?.slice(0, 1)
        .map(({ detail: _, ...one }) => ({ ...one, query: 'SELECT MAX(Used)' })),
  };
  const alarm = ofSeverity(define([row], { targets: [asking] }), 'warning');
  expect(alarm).toMatchObject({ for_each: { 'test-cache-redis-full-warning': '' } });
  expect(alarm?.metric_query).toEqual([{ id: 'm', expression: 'SELECT MAX(Used)', period: 60, label: 'Used', return_data: true }]);
});

describe('a disabled alert', () => {
  const environment = environmentWith({ overrides: { 'redis-full.critical@cache': { disabled: true, reason: 'a cache may be full' } } });

  test('is no alarm, and its reason is told', () => {
    const template = define([row], { environment }, ({ disabled }) => {
      expect(disabled).toEqual({ 'redis-full.critical@cache': 'a cache may be full' });
    });
    expect(names(template)).toEqual(['test-cache-redis-full-001-warning', 'test-cache-redis-full-002-warning']);
    expect(template.all('aws_cloudwatch_composite_alarm')).toEqual([]);
  });
});
