import { compositesOf } from '../../constructs/aws/alarms/composites.ts';
import type { Template } from '../support/template.ts';
import { define, row, variant, view } from './alarms-cases.ts';

describe('the composite of a service', () => {
  test('is in alarm while a critical one is, comes after them and tells nobody', () => {
    const template = define([row], {}, ({ serviceAlarms }) => expect(serviceAlarms).toEqual({ cache: 'test-cache' }));
    const composite = template.one('aws_cloudwatch_composite_alarm');
    expect(composite).toMatchObject({
      alarm_name: 'test-cache',
      alarm_rule: 'ALARM("test-cache-redis-full-001-critical") OR ALARM("test-cache-redis-full-002-critical")',
      depends_on: [expect.stringContaining('cache-redis-full-critical')],
    });
    expect(composite).not.toHaveProperty('alarm_actions');
  });

  test.each([
    ['more than a hundred children', 101, 20],
    ['a rule of more than 10,240 characters', 60, 200],
  ])('has parts where there are %s', (_what, count, length) => {
    const children = Array.from({ length: count }, (_, index) => `${'x'.repeat(length)}${index}`);
    const composites = compositesOf('test-log', children);
    const [whole, ...parts] = [...composites].reverse();
    expect(parts.length).toBeGreaterThan(1);
    expect(whole).toMatchObject({ name: 'test-log', parts: expect.arrayContaining(parts.map(({ name }) => name)) });
    for (const { rule } of composites) {
      expect(rule.length).toBeLessThanOrEqual(10_240);
      expect(rule.split(' OR ').length).toBeLessThanOrEqual(100);
    }
    for (const child of children) expect(parts.filter(({ rule }) => rule.includes(`ALARM("${child}")`))).toHaveLength(1);
  });
});

describe('the dashboard', () => {
  const template = define([row]);

  test('has of each service its alarms, and a graph of each alert with a line for each threshold', () => {
    expect(widgets(template).map(({ type }) => type)).toEqual(['text', 'alarm', 'metric']);
    expect(widgets(template)[1]?.properties.alarms).toHaveLength(4);
    expect(graphs(template)[0]).toMatchObject({
      title: 'redis-full',
      metrics: [
        ['AWS/ElastiCache', 'Used', 'Group', 'test-cache', 'CacheClusterId', '001', { stat: 'Maximum', label: '001' }],
        ['.', '.', '.', '.', '.', '002', { stat: 'Maximum', label: '002' }],
      ],
      annotations: {
        horizontal: [
          { label: 'warning', value: 70 },
          { label: 'critical', value: 90 },
        ],
      },
    });
  });

  test('puts three graphs beside each other, and no widget onto another', () => {
    const many = define(Array.from({ length: 7 }, (_, index) => variant({ id: `redis-${index}` })));
    const cells = widgets(many).flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, cell) => `${x + (cell % width)},${y + Math.floor(cell / width)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(graphs(many)).toHaveLength(7);
  });

  test('gives math of several lines identifiers of its own', () => {
    const template = define([view({ expression: 'used + free / total', metrics: { used: 'Used', free: 'Free', total: 'Total' } })]);
    const [first, second] = graphs(template)[0]!
      .metrics.filter(([only]) => typeof only === 'object')
      .map(([only]) => only as object);
    expect(first).toEqual({ expression: 'used0 + free0 / total0', label: '001' });
    expect(second).toEqual({ expression: 'used1 + free1 / total1', label: '002' });
  });
});

test('what it costs is told: each metric of an alarm, three of an anomaly, composites, the dashboard, and what the probe makes', () => {
  define([row], { probeSeries: 10 }, ({ cost }) =>
    expect(cost).toEqual({ alarms: 4, composites: 1, probeSeries: 10, monthlyUsd: Math.ceil(0.4 + 0.5 + 3 + 3) }),
  );
});

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

function widgets(template: Template): readonly Widget[] {
  return JSON.parse(template.one('aws_cloudwatch_dashboard').dashboard_body as string).widgets;
}

function graphs(template: Template): readonly { readonly metrics: readonly unknown[][] }[] {
  return widgets(template).flatMap(({ type, properties }) => (type === 'metric' ? [properties as never] : []));
}
