import { alertsOf } from '../../alerts/resolve.ts';
import { type AlertRow, type CloudWatchView, type Offering, severities } from '../../alerts/row.ts';
import { redisRows } from '../../alerts/rows/redis.ts';
import { redisLoadRows } from '../../alerts/rows/redis-load.ts';
import { redisMachineRows } from '../../alerts/rows/redis-machines.ts';
import { workerRows } from '../../alerts/rows/workers.ts';
import { elastiCacheMetrics } from '../../constructs/aws/elasticache/metrics.ts';
import { elastiCacheServerlessMetrics } from '../../constructs/aws/elasticache-serverless/metrics.ts';
import { redisSentinelMetrics } from '../../constructs/aws/redis-sentinel/metrics.ts';
import { workerMetrics } from '../../constructs/aws/worker/metrics.ts';
import { production } from '../../environments/production.ts';
import { parseEnvironment } from '../../environments/schema.ts';

const rows = [...redisRows, ...redisLoadRows, ...redisMachineRows, ...workerRows];
const row = (id: string): AlertRow => rows.find((each) => each.id === id)!;

/** Metrics of each construct that no row asks for, each for a reason. */
const watched: readonly { readonly of: Offering; readonly metrics: object; readonly unwatched: Readonly<Record<string, string>> }[] = [
  { of: 'elasticache', metrics: elastiCacheMetrics, unwatched: {} },
  {
    of: 'elasticache-serverless',
    metrics: elastiCacheServerlessMetrics,
    unwatched: {
      CurrConnections: 'has no limit that AWS tells',
      NewConnections: 'proxies of AWS take them, no thread of the engine',
    },
  },
  {
    of: 'redis-sentinel',
    metrics: redisSentinelMetrics,
    unwatched: {
      StatusCheckFailed_System: 'in StatusCheckFailed',
      StatusCheckFailed_Instance: 'in StatusCheckFailed',
      StatusCheckFailed_AttachedEBS: 'in StatusCheckFailed',
      NetworkIn: 'for dashboards: the load shows in redis.operations',
      NetworkOut: 'for dashboards: replicas and readers, no limit',
      VolumeQueueLength: 'the checks of the volume say when it is too long',
      VolumeReadBytes: 'for dashboards',
      VolumeWriteBytes: 'for dashboards',
      RedisIsMaster: 'says which, not whether anything is wrong',
    },
  },
  { of: 'worker', metrics: workerMetrics, unwatched: { PendingTaskCount: 'a task that does not start is one that is missing' } },
];

function namesIn(view: CloudWatchView): string[] {
  if ('metric' in view) return [view.metric];
  if ('metrics' in view) return Object.values(view.metrics);
  return 'anomalyOf' in view ? [view.anomalyOf] : [];
}

const viewsOf = (of: Offering) => rows.flatMap(({ cloudWatch = [] }) => cloudWatch).filter((view) => view.of === of);

test.each(watched)('every metric of $of is in a row, or there is a reason why not', ({ of, metrics, unwatched }) => {
  const asked = new Set(viewsOf(of).flatMap(namesIn));
  expect([...asked, ...Object.keys(unwatched)].sort()).toEqual(Object.keys(metrics).sort());
});

/** What CloudWatch compares with, in its own units, as the pages of the vendor have it. */
test.each([
  ['redis-memory', 'DatabaseMemoryUsagePercentage', [80, 90]],
  ['redis-memory', 'RedisMemoryUsedPercent', [80, 90]],
  ['redis-replication-lag', 'ReplicationLag', [1, 5]],
  ['redis-cpu', 'EngineCPUUtilization', [90, 98]],
  ['redis-latency', 'SuccessfulReadRequestLatency', [5_000]],
  ['redis-hit-rate', 'CacheHitRate', [80]],
  ['redis-cache-evictions', 'Evictions', [100]],
  ['redis-swap', 'SwapUsage', [52_428_800]],
  ['redis-new-connections', 'NewConnections', [1_000]],
  ['redis-machine-disk', 'DiskUsedPercent', [80, 90]],
  ['redis-volume-credits', 'EBSByteBalance%', [20]],
  ['redis-certificate', 'CertificateDaysLeft', [21, 3]],
  ['worker-memory', 'MemoryUtilization', [85]],
])('%s compares %s with %j', (id, metric, expected) => {
  const view = row(id).cloudWatch!.find((each) => namesIn(each).includes(metric))!;
  const levels = view.levels ?? row(id).levels;
  expect(severities.flatMap((severity) => levels[severity] ?? []).map(({ threshold }) => Number(threshold) * (view.scale ?? 1))).toEqual(
    expected,
  );
});

const withBoth = rows.filter(({ levels }) => levels.warning !== undefined && levels.critical !== undefined);

test.each(withBoth)('$id is worse when it is critical, or lasts longer', ({ levels, comparison }) => {
  const [warning, critical] = [levels.warning!, levels.critical!];
  const [mild, grave] = [Number(warning.threshold), Number(critical.threshold)];
  const isWorse = comparison.startsWith('>') ? grave > mild : grave < mild;
  expect(isWorse || (grave === mild && critical.forSeconds > warning.forSeconds)).toBe(true);
});

test('what the drill causes is told in time', () => {
  const levels = [
    row('redis-memory').levels.critical,
    row('redis-writes-refused').levels.critical,
    row('redis-replica-missing').levels.warning,
  ];
  expect(levels.map((level) => level!.forSeconds <= 30)).toEqual([true, true, true]);
});

test('few alerts wake somebody up', () => {
  expect(3 * rows.filter(({ levels }) => levels.critical !== undefined).length).toBeLessThanOrEqual(rows.length);
});

test('a cache that is full, evicts or is behind wakes nobody up', () => {
  const cache = alertsOf(parseEnvironment(production), rows).filter(({ service }) => service === 'cache');
  const critical = cache.filter(({ levels }) => levels.some(({ severity }) => severity === 'critical')).map((alert) => alert.row.id);
  expect(critical).toEqual(['redis-connections', 'redis-cpu', 'redis-throttled', 'redis-machine-disk', 'redis-certificate']);
});

test('a machine that says nothing of itself is in trouble', () => {
  const silent = rows.filter(({ missing }) => missing === 'trouble').map(({ id }) => id);
  expect(silent).toEqual(['redis-down', 'redis-backup-old', 'redis-snapshot-old', 'worker-tasks-missing']);
});
