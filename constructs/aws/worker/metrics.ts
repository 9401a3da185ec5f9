import type { MetricSource, MetricTable } from '../../core/metric.ts';
import type { WorkerAttributes } from './props.ts';

/**
 * What CloudWatch knows of the tasks of a worker, and the statistic that shows trouble: `Maximum` is the busiest task, which of relays is the one that works.
 *
 * What a relay itself knows (its backlog, its state), it serves under `/metrics`.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
 */
export const workerMetrics = {
  /** Percent of what the task has. */
  CPUUtilization: { statistic: 'Maximum', of: 'tasks' },
  /** Percent of what the task has; at 100 it is killed. */
  MemoryUtilization: { statistic: 'Maximum', of: 'tasks' },
  RunningTaskCount: { statistic: 'Minimum', of: 'service' },
  DesiredTaskCount: { statistic: 'Maximum', of: 'service' },
  /** Stays above 0 while tasks cannot start. */
  PendingTaskCount: { statistic: 'Minimum', of: 'service' },
  /** Stays above 1 while a deployment does not end. */
  DeploymentCount: { statistic: 'Minimum', of: 'service' },
} as const satisfies MetricTable<'tasks' | 'service'>;

/** Name of a figure of a worker. */
export type WorkerMetric = keyof typeof workerMetrics;

/** The tasks of a worker as ECS measures them, and its service as Container Insights counts. */
export function workerSources({ clusterName, serviceName }: WorkerAttributes) {
  const dimensions = { ClusterName: clusterName, ServiceName: serviceName };
  return {
    tasks: [{ namespace: 'AWS/ECS', dimensions }],
    service: [{ namespace: 'ECS/ContainerInsights', dimensions }],
  } satisfies Record<string, MetricSource[]>;
}
