import { alarmDescription, alarmName, longestDescription, longestName } from '../../constructs/aws/alarms/names.ts';
import { probeTargets } from '../../constructs/aws/probe-function/target.ts';
import { tableTarget } from '../../constructs/core/alarm-target.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { alarms, define, environmentWith, names, probe, row, target, variant } from './alarms-cases.ts';

describe('one alarm for all services', () => {
  const services = ['cache', 'events'];
  const looking = services.map((service) =>
    tableTarget({
      ...{ service, offering: 'probe', table: { 'probe.up': { statistic: 'Minimum', of: 'probe' } } },
      sources: { probe: [{ namespace: 'Millrace', dimensions: { Environment: 'test', Service: service } }] },
    }),
  );
  const silent = variant({
    id: 'probe-silent',
    subject: 'probe',
    missing: 'trouble',
    levels: { critical: { threshold: 0, forSeconds: 180 } },
    cloudWatch: [{ of: 'probe', signal: 'probe.up', periodSeconds: 60, ofAllServices: true }],
  });
  const events = { kind: 'redis', role: 'events' } as const;

  test('asks what all of them tell together, has the name of none, and is trouble of each', () => {
    const template = define([silent], { environment: environmentWith({}, { events }), targets: looking }, ({ serviceAlarms }) =>
      expect(serviceAlarms).toEqual({ cache: 'test-cache', events: 'test-events' }),
    );
    expect(alarms(template)).toMatchObject([
      {
        for_each: { 'test-probe-silent-critical': '' },
        metric_query: [
          { expression: `SELECT MIN("probe.up") FROM SCHEMA("Millrace", Environment, Service) WHERE Environment = 'test'`, period: 60 },
        ],
        treat_missing_data: 'breaching',
      },
    ]);
    const rules = template.all('aws_cloudwatch_composite_alarm').map(({ alarm_rule }) => alarm_rule);
    expect(rules).toEqual(services.map(() => 'ALARM("test-probe-silent-critical")'));
  });
});

describe('several ways to measure', () => {
  test('are told apart by the metric in the names of the alarms', () => {
    const both = variant({
      levels: { warning: { threshold: 1, forSeconds: 0 } },
      cloudWatch: ['Used', 'Total'].map((metric) => ({ of: 'elasticache', metric, periodSeconds: 60 })),
    });
    expect(names(define([both]))).toEqual([
      'test-cache-redis-full-001-Used-warning',
      'test-cache-redis-full-002-Used-warning',
      'test-cache-redis-full-Total-warning',
    ]);
  });

  test('are not used twice: what AWS measures, the probe is not asked', () => {
    const both = (metric: string) =>
      variant({
        cloudWatch: [
          { of: 'elasticache', metric, periodSeconds: 60 },
          { of: 'probe', signal: 'redis.stream.lag', periodSeconds: 60 },
        ],
      });
    const targets = [target, probe];
    expect(names(define([both('Total')], { targets }))).toEqual(['test-cache-redis-full-critical', 'test-cache-redis-full-warning']);
    expect(names(define([both('Tiered')], { targets }))).toEqual(['test-cache-redis-full-a-critical', 'test-cache-redis-full-a-warning']);
  });
});

describe('texts that CloudWatch has no room for', () => {
  test('a name is cut and stays apart from others', () => {
    const long = (end: string) => alarmName(['test', 'events', 'streams-lag', `${'t'.repeat(300)}${end}`, 'warning']);
    expect(long('a')).toHaveLength(longestName);
    expect(long('a')).toMatch(/^test-events-streams-lag-t+-[0-9a-f]{8}-warning$/);
    expect(long('a')).not.toBe(long('b'));
  });

  test('a description keeps its runbook', () => {
    const text = alarmDescription({ title: 'x', why: 'y'.repeat(2_000), runbook: 'docs/runbooks/x.md' });
    expect(text).toHaveLength(longestDescription);
    expect(text).toMatch(/…\nRunbook: docs\/runbooks\/x\.md$/);
  });
});

describe('two alarms never share a name, of which CloudWatch would have one', () => {
  test('where names of topics and groups have hyphens', () => {
    const topic = (group: string) => ({ transports: [{ kind: 'redis-streams', service: 'events' }], consumers: [{ group }] });
    const environment = parseEnvironment({
      name: 'test',
      engine: { kind: 'aws', account: '111111111111', region: 'eu-central-1', network: { kind: 'own', cidr: '10.0.0.0/16' } },
      size: 'medium',
      services: { events: { kind: 'redis', role: 'events' } },
      topology: { topics: { a: topic('b-c'), 'a-b': topic('c') } },
    });
    const lag = variant({
      id: 'streams-lag',
      subject: 'streams',
      levels: { warning: { threshold: 1, forSeconds: 0 } },
      cloudWatch: [{ of: 'probe', signal: 'redis.stream.lag', periodSeconds: 60 }],
    });
    expect(names(define([lag], { environment, targets: probeTargets(environment) }))).toEqual([
      'test-events-streams-lag-a-b/c-warning',
      'test-events-streams-lag-a/b-c-warning',
    ]);
  });

  test('because equal names are refused, with both', () => {
    const sources = ['x', 'y'].map((Topic) => ({ namespace: 'Millrace', dimensions: { Topic }, detail: 'same' }));
    const twice = tableTarget({
      ...{ service: 'cache', offering: 'elasticache', table: { Used: { statistic: 'Maximum', of: 'group' } } },
      sources: { group: sources },
    });
    expect(() => define([row], { targets: [twice] })).toThrow(
      'two alarms have the name test-cache-redis-full-same-warning: redis-full.warning@cache of same (Used {"Topic":"x"}) and redis-full.warning@cache of same (Used {"Topic":"y"}); rename what one of them is about',
    );
  });
});
