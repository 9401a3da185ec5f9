import type { Course, Courses } from './course.ts';

/** A situation of one service; rises are per sample, of which there is one in `stepSeconds`. */
type Situation = (threshold: number, service: string, stepSeconds: number) => Courses;

interface ExpressionCase {
  /** The range that the expression looks back over. @default 0 */
  readonly warmSeconds?: number;
  readonly firing: Situation;
  readonly silent: Situation;
}

const hour = 3_600;
const day = 86_400;

/** What rises by `perRange` within `rangeSeconds`. */
const rising = (perRange: number, rangeSeconds: number, stepSeconds: number): Course => [0, (perRange / rangeSeconds) * stepSeconds];

/** The share of an hour's events that was given up; of a few events it is a share of 5,000. */
function shareOf(dead: string, all: string, labels: string, allLabels = labels): ExpressionCase {
  const share =
    (part: number, total: number): Situation =>
    (threshold, service, step) => ({
      [`${dead}{service="${service}",${labels}}`]: rising(part * threshold * total, hour, step),
      [`${all}{service="${service}",${allLabels}}`]: rising(total, hour, step),
    });
  return { warmSeconds: hour, firing: share(1.05, 20_000), silent: share(0.95, 20_000) };
}

/** A counter of a server's own, by the job that scrapes it. */
function countOf(metric: string, labels: string, rangeSeconds: number): ExpressionCase {
  const series =
    (perRange: number): Situation =>
    (threshold, service, step) => ({
      [`${metric}{job="${service}",instance="127.0.0.1:1"${labels}}`]: rising(threshold + perRange, rangeSeconds, step),
    });
  return { warmSeconds: rangeSeconds, firing: series(2), silent: series(0) };
}

/** Servers of Redis, some of which cannot write to their disks. */
function servers(service: string, count: number, failed: number): Courses {
  const nodes = Array.from({ length: count }, (_, index) => index);
  return Object.fromEntries(
    nodes.map((index) => [`millrace_redis_persistence_failed{service="${service}",node="n${index}"}`, index < failed ? 1 : 0]),
  );
}

const group = 'topic="orders",group="mailer"';
const queue = 'queue="emails"';

/** A firing and a silent case of each row with an expression, by its id. */
export const expressionCases: Readonly<Record<string, ExpressionCase>> = {
  'outbox-dead-letter-ratio': shareOf('millrace_outbox_dead_letters', 'millrace_outbox_published_total', 'sink="events"'),
  'streams-dead-letter-ratio': shareOf(
    'millrace_redis_stream_dead_letters_added_total',
    'millrace_redis_stream_entries_added_total',
    `${group},shard="0"`,
    'topic="orders",shard="0"',
  ),
  'kafka-dead-letter-ratio': shareOf(
    'millrace_kafka_topic_dead_letters_added_total',
    'millrace_kafka_topic_messages_added_total',
    group,
    'topic="orders"',
  ),
  'rabbitmq-dead-letter-ratio': shareOf('millrace_rabbitmq_queue_dead_letters', 'millrace_rabbitmq_queue_sources_published_total', queue),
  'kafka-dead-letters': {
    warmSeconds: day,
    firing: (threshold, service, step) => ({
      [`millrace_kafka_topic_dead_letters_added_total{service="${service}",${group}}`]: rising(threshold + 1, day, step),
    }),
    silent: (_, service) => ({ [`millrace_kafka_topic_dead_letters_added_total{service="${service}",${group}}`]: 7 }),
  },
  'kafka-group-idle': {
    firing: (threshold, service) => ({
      [`millrace_kafka_group_lag{service="${service}",${group}}`]: threshold + 1,
      [`millrace_kafka_group_members{service="${service}",group="mailer"}`]: 0,
    }),
    silent: (threshold, service) => ({
      [`millrace_kafka_group_lag{service="${service}",${group}}`]: threshold + 1,
      [`millrace_kafka_group_members{service="${service}",group="mailer"}`]: 1,
      [`millrace_kafka_group_lag{service="${service}",topic="orders",group="idle"}`]: threshold,
      [`millrace_kafka_group_members{service="${service}",group="idle"}`]: 0,
    }),
  },
  'rabbitmq-queue-unconsumed': {
    firing: (threshold, service) => ({
      [`millrace_rabbitmq_queue_depth{service="${service}",${queue}}`]: threshold + 1,
      [`millrace_rabbitmq_queue_consumers{service="${service}",${queue}}`]: 0,
    }),
    silent: (threshold, service) => ({
      [`millrace_rabbitmq_queue_depth{service="${service}",${queue}}`]: threshold + 1,
      [`millrace_rabbitmq_queue_consumers{service="${service}",${queue}}`]: 1,
      // Nobody has to read what was given up.
      [`millrace_rabbitmq_queue_depth{service="${service}",queue="emails.dead"}`]: threshold + 1,
      [`millrace_rabbitmq_queue_consumers{service="${service}",queue="emails.dead"}`]: 0,
      [`millrace_rabbitmq_queue_dead_letters{service="${service}",queue="emails.dead"}`]: threshold + 1,
    }),
  },
  'rabbitmq-unacknowledged': {
    firing: (threshold, service) => ({
      [`millrace_rabbitmq_queue_unacknowledged{service="${service}",${queue}}`]: 2 * threshold + 1,
      [`millrace_rabbitmq_queue_consumers{service="${service}",${queue}}`]: 2,
    }),
    silent: (threshold, service) => ({
      [`millrace_rabbitmq_queue_unacknowledged{service="${service}",${queue}}`]: 2 * threshold,
      [`millrace_rabbitmq_queue_consumers{service="${service}",${queue}}`]: 2,
    }),
  },
  'redis-persistence': {
    firing: (threshold, service) => servers(service, 3, Math.floor(threshold * 3) + 1),
    silent: (threshold, service) => servers(service, 3, Math.floor(threshold * 3)),
  },
  'opensearch-yellow': {
    firing: (threshold, service) => ({ [`millrace_opensearch_cluster_status{service="${service}"}`]: threshold }),
    silent: (threshold, service) => ({ [`millrace_opensearch_cluster_status{service="${service}"}`]: threshold + 1 }),
  },
  'rabbitmq-node-down': {
    firing: (threshold, service) => nodes(service, 3, Math.ceil(threshold * 3) - 1),
    silent: (threshold, service) => nodes(service, 3, Math.ceil(threshold * 3)),
  },
  'redis-operations': {
    warmSeconds: day,
    firing: (_, service, step) => ({ [operations(service)]: `100x${day / step} 1000x1000` }),
    silent: (_, service) => ({ [operations(service)]: 100 }),
  },
  'prometheus-target-down': {
    firing: () => ({ 'up{job="tasks",instance="127.0.0.1:1"}': 0, 'up{job="events",instance="127.0.0.1:2"}': 1 }),
    silent: () => ({ 'up{job="tasks",instance="127.0.0.1:1"}': 1, 'up{job="events",instance="127.0.0.1:2"}': 1 }),
  },
  'prometheus-rules-failing': countOf('prometheus_rule_evaluation_failures_total', ',rule_group="millrace-redis"', 300),
  'prometheus-alerts-dropped': countOf('prometheus_notifications_dropped_total', '', 900),
  'alertmanager-notifications-failing': countOf('alertmanager_notifications_failed_total', ',integration="email"', 300),
};

function operations(service: string): string {
  return `millrace_redis_operations{service="${service}",node="a"}`;
}

function nodes(service: string, count: number, running: number): Courses {
  const entries = Array.from({ length: count }, (_, node) => [
    `millrace_rabbitmq_node_running{service="${service}",node="${node}"}`,
    node < running ? 1 : 0,
  ]);
  return Object.fromEntries(entries) as Courses;
}
