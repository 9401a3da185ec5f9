import { prometheusName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';

const whichMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html';
const redisMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html';
const hostMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.HostLevel.html';
const serverlessMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/serverless-metrics-events-redis.html';
const alarmPacks =
  'https://github.com/aws/agent-toolkit-for-aws/blob/main/skills/specialized-skills/database-skills/amazon-elasticache/references/monitoring/alarm-packs.md';

const allowances = [
  'NetworkBandwidthInAllowanceExceeded',
  'NetworkBandwidthOutAllowanceExceeded',
  'NetworkConntrackAllowanceExceeded',
  'NetworkPacketsPerSecondAllowanceExceeded',
] as const;

/** Samples of five minutes without which nobody knows what is usual: six hours. */
const leastSamples = 72;
const operations = `sum by (service) (${prometheusName('redis.operations')}{service=~"$services"})`;
/** PromQL: how many standard deviations of a day the operations of a service are away from the day's mean; what is below one operation a second is no deviation. */
const strangeness =
  `abs(${operations} - avg_over_time((${operations})[1d:5m])) / clamp_min(stddev_over_time((${operations})[1d:5m]), 1) ` +
  `and count_over_time((${operations})[1d:5m]) >= ${leastSamples}`;

/** How hard Redis and Valkey work, and what they are held to: processors, network, limits of the bill. */
export const redisLoadRows: readonly AlertRow[] = [
  {
    id: 'redis-cpu',
    subject: 'redis',
    title: 'The thread of Redis that carries out commands is busy all the time',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.9, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.98, forSeconds: 600 } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'EngineCPUUtilization', periodSeconds: 60, scale: 100 }],
    why: 'Commands wait for each other: every request that uses this server becomes slower within minutes, then times out.',
    source: alarmPacks,
  },
  {
    id: 'redis-host-cpu',
    subject: 'redis',
    title: 'The machine of Redis has little processor time left',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.9, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [
      // 90 % of one of two processors is 45 %: the engine has one thread. From four on, redis-cpu sees it and the whole machine counts here.
      { of: 'elasticache', metric: 'CPUUtilization', periodSeconds: 60, scale: 100, shareOf: 'hostCpuShare' },
      // Of two processors: the engine's own. Of four: the engine's and that of a child which writes a snapshot. Over minutes, because snapshots pass.
      {
        of: 'redis-sentinel',
        metric: 'CPUUtilization',
        statistic: 'Average',
        periodSeconds: 300,
        scale: 100,
        levels: { warning: { threshold: 0.45, forSeconds: 900 } },
      },
    ],
    why: 'The engine has one thread and shares its machine: when the machine is busy, commands and fail-over detection wait, for as long as it lasts.',
    source: whichMetrics,
  },
  {
    id: 'redis-latency',
    subject: 'redis',
    title: 'Redis answers slowly',
    unit: 's',
    comparison: '>',
    levels: { warning: { threshold: 0.005, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: (['SuccessfulReadRequestLatency', 'SuccessfulWriteRequestLatency'] as const).flatMap((metric) =>
      (['elasticache', 'elasticache-serverless'] as const).map((of) => ({ of, metric, periodSeconds: 60, scale: 1e6 })),
    ),
    why: 'A tenth of that is usual; every request of users that asks several times pays it several times, as long as it lasts.',
    source: alarmPacks,
  },
  {
    id: 'redis-hit-rate',
    subject: 'redis',
    roles: ['cache'],
    title: 'A cache finds too little of what it is asked for',
    unit: '1',
    comparison: '<',
    levels: { warning: { threshold: 0.8, forSeconds: 1_200, periods: [4, 6] } },
    missing: 'fine',
    cloudWatch: [
      { of: 'elasticache', metric: 'CacheHitRate', periodSeconds: 300, scale: 100 },
      { of: 'elasticache-serverless', metric: 'CacheHitRate', periodSeconds: 300, scale: 100 },
    ],
    why: 'What the cache does not have, the database is asked: it is the database that gets slow for users, within the hour.',
    source: redisMetrics,
  },
  {
    id: 'redis-new-connections',
    subject: 'redis',
    title: 'Clients connect to Redis again and again',
    unit: '{connection}',
    comparison: '>',
    levels: { warning: { threshold: 1_000, forSeconds: 120, periods: [2, 3] } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'NewConnections', periodSeconds: 60 }],
    why: 'Each connection begins with TLS and a token, which costs the engine more than many commands: everybody else waits meanwhile.',
    source: alarmPacks,
  },
  {
    id: 'redis-swap',
    subject: 'redis',
    title: 'A node of Redis swaps memory to disk',
    unit: 'By',
    comparison: '>',
    levels: { warning: { threshold: 50 * 1_024 ** 2, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'SwapUsage', periodSeconds: 60 }],
    why: 'Keys that lie on disk take thousand times as long, and hold up everybody behind them: single requests of users take seconds.',
    source: whichMetrics,
  },
  {
    id: 'redis-network-allowance',
    subject: 'redis',
    title: 'A node of Redis sends or receives more than its type may',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: allowances.map((metric) => ({ of: 'elasticache' as const, metric, periodSeconds: 60 })),
    why: 'AWS delays or drops packets of the node: commands time out and replicas fall behind while the server itself looks idle.',
    source: hostMetrics,
  },
  {
    id: 'redis-traffic-management',
    subject: 'redis',
    title: 'ElastiCache holds commands back to keep a node alive',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'TrafficManagementActive', periodSeconds: 60 }],
    why: 'More commands come than the node can carry out: every client waits longer, as long as it lasts.',
    source: whichMetrics,
  },
  {
    id: 'redis-tiered-capacity',
    subject: 'redis',
    roles: ['events', 'jobs'],
    title: 'Redis has used most of its memory and disk',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.9, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'DatabaseCapacityUsagePercentage', periodSeconds: 60, scale: 100 }],
    why: 'Node types with a disk for data refuse writes when memory and disk are both full, as redis-memory has it.',
    source: redisMetrics,
  },
  {
    id: 'redis-throttled',
    subject: 'redis',
    title: 'A serverless cache refuses requests',
    unit: '{operation}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 120, periods: [2, 3] }, critical: { threshold: 0, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache-serverless', metric: 'ThrottledCmds', periodSeconds: 60 }],
    why: 'Refused requests are errors in services, in sessions and rate limits too. It scales by itself within minutes; after 15 it has met its limit.',
    source: serverlessMetrics,
  },
  {
    id: 'redis-serverless-limits',
    subject: 'redis',
    title: 'A serverless cache comes near its declared limits',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 600, periods: [2, 3] } },
    missing: 'fine',
    cloudWatch: [
      { of: 'elasticache-serverless', metric: 'BytesUsedForCache', periodSeconds: 300, shareOf: 'maxBytes' },
      {
        ...{ of: 'elasticache-serverless', metric: 'ElastiCacheProcessingUnits', periodSeconds: 60, shareOf: 'maxEcpuPerMinute' },
        levels: { warning: { threshold: 0.8, forSeconds: 600, periods: [10, 15] } },
      },
    ],
    why: 'At the limit of storage keys are evicted and then writes refused, at that of processing units requests are refused: see redis-throttled.',
    source: alarmPacks,
  },
  {
    id: 'redis-operations',
    subject: 'redis',
    title: 'Redis does unusually much or little',
    unit: '1',
    comparison: '>',
    levels: { info: { threshold: 3, forSeconds: 900 } },
    missing: 'fine',
    // Without nodes there is nobody to ask.
    cloudWatch: [
      { of: 'probe', anomalyOf: 'redis.operations', periodSeconds: 300 },
      { of: 'elasticache-serverless', anomalyOf: 'ElastiCacheProcessingUnits', periodSeconds: 300 },
    ],
    prometheus: { expression: strangeness, by: ['service'] },
    why: 'No harm by itself. Beside another alert it says whether the load has changed, or the server.',
    source: 'requirement of the event bus: operations per second are recorded for the detection of anomalies',
  },
];
