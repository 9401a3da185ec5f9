import { requireSoundAlerts } from '../../alerts/check.ts';
import { alertsPage } from '../../alerts/page.ts';
import type { AlertRow } from '../../alerts/row.ts';
import { alertRows } from '../../alerts/rows/index.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { referenceTopology } from '../../environments/topology.ts';

const page = alertsPage();

test('has every alert once, with its runbook', () => {
  for (const { id } of alertRows) {
    expect(page.split(`\n### ${id}\n`)).toHaveLength(2);
    expect(page).toContain(`[Runbook](runbooks/${id}.md)`);
  }
});

test('shows thresholds of each size, for how long, and both renderings', () => {
  const row: AlertRow = {
    id: 'streams-lag',
    subject: 'streams',
    roles: ['events'],
    title: 'Late',
    unit: '1',
    comparison: '>',
    levels: {
      info: { threshold: 0.5, forSeconds: 0 },
      critical: { threshold: { small: 0.7, medium: 0.8, large: 0.9 }, forSeconds: 2_700 },
    },
    missing: 'as-before',
    cloudWatch: [
      { of: 'msk', metric: 'CpuUser', statistic: 'Average', periodSeconds: 300, scale: 100 },
      { of: 'amazon-mq', metric: 'RabbitMQFdUsed', periodSeconds: 60, shareOf: 'files' },
      { of: 'msk', expression: 'user + system', metrics: { user: 'CpuUser', system: 'CpuSystem' }, periodSeconds: 60 },
      { of: 'probe', signal: 'rabbitmq.queue.depth', periodSeconds: 60, queues: 'working' },
      { of: 'redis-sentinel', anomalyOf: 'Operations', periodSeconds: 300 },
      {
        ...{ of: 'worker', metric: 'CpuUtilized', periodSeconds: 60, scale: 100 },
        levels: { info: { threshold: 0.9, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.95, forSeconds: 300 } },
      },
    ],
    prometheus: { signal: 'redis.memory.used_ratio' },
    why: 'Users wait.',
    source: 'https://example.com/why',
  };
  expect(alertsPage([row]).split('## Streams on Redis')[1]).toBe(`

| alert | info | critical | seen by |
| --- | --- | --- | --- |
| [streams-lag](#streams-lag) | > 50 % | > 70 % (small), 80 % (medium), 90 % (large) | CloudWatch, Prometheus |

### streams-lag

Late: **info** > 50 % at once; **critical** > 70 % (small), 80 % (medium), 90 % (large) for 45 min. No value leaves the alert as it was. Of services with the role \`events\`. [Runbook](runbooks/streams-lag.md)

Users wait.

- CloudWatch: \`CpuUser\` (Average) of MSK, each 5 min, info > 50, critical > 70 (small), 80 (medium), 90 (large)
- CloudWatch: \`RabbitMQFdUsed\` of Amazon MQ, each 1 min, info > 50 % of \`files\`, critical > 70 % (small), 80 % (medium), 90 % (large) of \`files\`
- CloudWatch: \`user + system\` with \`user\` = \`CpuUser\`, \`system\` = \`CpuSystem\` of MSK, each 1 min
- CloudWatch: \`rabbitmq.queue.depth\` of probe, of queues that are no dead letter queues, each 1 min
- CloudWatch: \`Operations\` outside the band of so many standard deviations around what was usual of Redis Sentinel on EC2, each 5 min
- CloudWatch: \`CpuUtilized\` of workers on Fargate, each 1 min, info > 90 in 3 of 5 periods of 1 min, critical > 95
- Prometheus: \`max by (service, node) (millrace_redis_memory_used_ratio{service=~"SERVICE"})\`
- Source: <https://example.com/why>
`);
});

test('shows so many of so many periods also where thresholds are those of the row', () => {
  const cache = page.split('\n### redis-swap\n')[1]!;
  expect(cache).toMatch(/^- CloudWatch: `SwapUsage` of ElastiCache, each 1 min, warning in 3 of 5 periods of 1 min$/m);
});

test('its examples of a declaration are accepted', () => {
  const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => new Function(`return {${code}}`)() as { alerts: object });
  expect(examples).toHaveLength(2);
  const engine = { kind: 'process', ports: { base: 17_000 } } as const;
  const alerts = Object.assign({}, ...examples.map((example) => example.alerts)) as object;
  const services = {
    cache: { kind: 'redis', role: 'cache' },
    events: { kind: 'redis-sentinel', role: 'events' },
    search: { kind: 'opensearch', role: 'search' },
  } as const;
  const declared = { name: 'local', engine, size: 'small', services, topology: referenceTopology(services, 'process') } as const;
  const { overrides } = parseEnvironment({ ...declared, alerts }).alerts;
  expect(Object.keys(overrides)).toHaveLength(3);
  // Each of them changes something; receivers are those of AWS, which this engine has not.
  requireSoundAlerts(parseEnvironment({ ...declared, alerts: { overrides } }));
});
