import { prometheusName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';

const redisMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html';
const whichMetrics = 'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html';
const alarmPacks =
  'https://github.com/aws/agent-toolkit-for-aws/blob/main/skills/specialized-skills/database-skills/amazon-elasticache/references/monitoring/alarm-packs.md';
/** Those that must not lose what they hold. */
const keeping = ['events', 'jobs'] as const;
const caches = ['cache'] as const;
const failed = `max by (service, node) (${prometheusName('redis.persistence.failed')}{service=~"$services"})`;

/** Replicas of a set of machines of our own, which has always three. */
const replicasOfSet = 2;

const refusals = [
  'AuthenticationFailures',
  'KeyAuthorizationFailures',
  'CommandAuthorizationFailures',
  'IamAuthenticationExpirations',
  'IamAuthenticationThrottling',
] as const;

/** What Redis and Valkey keep, and whether they take more of it, whoever hosts them: ElastiCache with nodes and without, machines of our own, local processes. */
export const redisRows: readonly AlertRow[] = [
  {
    id: 'redis-memory',
    subject: 'redis',
    roles: keeping,
    title: 'Redis has used most of its memory',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.9, forSeconds: 30 } },
    missing: 'fine',
    cloudWatch: [
      { of: 'elasticache', metric: 'DatabaseMemoryUsagePercentage', periodSeconds: 60, scale: 100 },
      { of: 'redis-sentinel', metric: 'RedisMemoryUsedPercent', periodSeconds: 60, scale: 100 },
    ],
    prometheus: { signal: 'redis.memory.used_ratio' },
    why: 'At maxmemory a server that never evicts refuses every write: events wait in the outbox, jobs of users fail from that moment on.',
    source: alarmPacks,
  },
  {
    id: 'redis-writes-refused',
    subject: 'redis',
    roles: keeping,
    title: 'Redis is full and refuses writes',
    unit: '{operation}',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 0 } },
    missing: 'fine',
    prometheus: { signal: 'redis.refused_writes', increaseOverSeconds: 120 },
    why: 'Nothing new is taken, at once: events wait in the outbox and reach nobody, jobs are not queued. On AWS redis-memory tells of it before.',
    source: 'requirement of the event bus: no event is lost and none waits unseen',
  },
  {
    id: 'redis-evictions',
    subject: 'redis',
    roles: keeping,
    title: 'Redis deletes keys that it must keep',
    unit: '{key}',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 0 } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'Evictions', periodSeconds: 60 }],
    prometheus: { signal: 'redis.evicted_keys', increaseOverSeconds: 300 },
    why: 'Every evicted key may be a whole stream with its groups: what was not read is lost, and more is lost with every minute.',
    source: 'requirement of the event bus: servers with the role events or jobs never evict',
  },
  {
    id: 'redis-cache-evictions',
    subject: 'redis',
    roles: caches,
    title: 'A cache evicts many keys',
    unit: '{key}',
    comparison: '>',
    levels: { info: { threshold: 100, forSeconds: 600, periods: [2, 3] } },
    missing: 'fine',
    cloudWatch: [
      { of: 'elasticache', metric: 'Evictions', periodSeconds: 300 },
      { of: 'elasticache-serverless', metric: 'Evictions', periodSeconds: 300 },
    ],
    prometheus: { signal: 'redis.evicted_keys', increaseOverSeconds: 300 },
    why: 'A full cache at work evicts, which is no fault; seen together with redis-hit-rate it says that the cache is too small for its day.',
    source: alarmPacks,
  },
  {
    id: 'redis-replication-lag',
    subject: 'redis',
    roles: keeping,
    title: 'A replica of Redis is behind its master',
    unit: 's',
    comparison: '>',
    levels: {
      warning: { threshold: 1, forSeconds: 300, periods: [3, 5] },
      critical: { threshold: 5, forSeconds: 120, periods: [2, 3] },
    },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'ReplicationLag', periodSeconds: 60 }],
    prometheus: { signal: 'redis.replication.lag' },
    why: 'A fail-over loses the last seconds that the replica lacks. At 10 s on every replica a Sentinel master refuses writes, and events wait in the outbox.',
    source: 'requirement of the event bus: more than 5 s; more than 1 s is what AWS advises for ElastiCache',
  },
  {
    id: 'redis-cache-replication-lag',
    subject: 'redis',
    roles: caches,
    title: 'A replica of a cache is behind its primary',
    unit: 's',
    comparison: '>',
    levels: { warning: { threshold: 1, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'ReplicationLag', periodSeconds: 60 }],
    prometheus: { signal: 'redis.replication.lag' },
    why: 'Who reads from replicas sees values that were already replaced, sessions that have ended among them, for as long as it lasts.',
    source: alarmPacks,
  },
  {
    id: 'redis-replica-missing',
    subject: 'redis',
    roles: keeping,
    title: 'Redis has lost replicas',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 1, forSeconds: 30 }, critical: { threshold: 2, forSeconds: 30 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'redis-sentinel',
        expression: `${replicasOfSet} - connected`,
        metrics: { connected: 'ConnectedReplicas' },
        periodSeconds: 60,
      },
    ],
    prometheus: { signal: 'redis.replicas.missing' },
    why: 'With one replica gone the set bears no further loss; with both gone a Sentinel master refuses writes within 10 s and nothing can take over.',
    source: 'requirement of the event bus: one master and two replicas',
  },
  {
    id: 'redis-persistence',
    subject: 'redis',
    roles: keeping,
    title: 'Redis cannot write to its disk',
    unit: '1',
    comparison: '>',
    // The share of all servers, told of each that fails: Sentinel replaces a master that cannot write while another can.
    levels: { warning: { threshold: 0, forSeconds: 60 }, critical: { threshold: 0.5, forSeconds: 60 } },
    missing: 'fine',
    // A machine knows of itself alone. When all are full, redis-machine-disk has rung before and outbox-oldest-age rings.
    cloudWatch: [
      {
        ...{ of: 'redis-sentinel', metric: 'RedisPersistenceFailed', periodSeconds: 60 },
        levels: { warning: { threshold: 0, forSeconds: 60 } },
      },
    ],
    prometheus: { expression: `${failed} * on (service) group_left () avg by (service) (${failed})`, by: ['service', 'node'] },
    why: 'What this server holds would not outlive its restart. Where no other can write, it stays the master, and refuses writes until it can.',
    source: 'https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/',
  },
  {
    id: 'redis-connections',
    subject: 'redis',
    title: 'Redis has almost all the clients that it takes',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.95, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'elasticache', metric: 'CurrConnections', periodSeconds: 60, shareOf: 'maxConnections' }],
    prometheus: { signal: 'redis.connections.used_ratio' },
    why: 'At maxclients the server turns new clients away: whatever starts or reconnects from then on, the relay after a fail-over too, cannot work.',
    source: whichMetrics,
  },
  {
    id: 'redis-refused-logins',
    subject: 'redis',
    title: 'Redis turns clients away or refuses what they ask for',
    unit: '{operation}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [
      ...refusals.map((metric) => ({ of: 'elasticache' as const, metric, periodSeconds: 300 })),
      ...refusals.map((metric) => ({ of: 'elasticache-serverless' as const, metric, periodSeconds: 300 })),
    ],
    why: 'Either a service works with too few rights and part of it fails for users today, or somebody tries doors.',
    source: redisMetrics,
  },
];
