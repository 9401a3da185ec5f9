interface MetricRow {
  readonly namespace: 'AWS/ECS' | 'ECS/ContainerInsights';
  readonly statistic: 'Average' | 'Maximum' | 'Minimum';
}

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
  CPUUtilization: { namespace: 'AWS/ECS', statistic: 'Maximum' },
  /** Percent of what the task has; at 100 it is killed. */
  MemoryUtilization: { namespace: 'AWS/ECS', statistic: 'Maximum' },
  RunningTaskCount: { namespace: 'ECS/ContainerInsights', statistic: 'Minimum' },
  DesiredTaskCount: { namespace: 'ECS/ContainerInsights', statistic: 'Maximum' },
  /** Stays above 0 while tasks cannot start. */
  PendingTaskCount: { namespace: 'ECS/ContainerInsights', statistic: 'Minimum' },
  /** Stays above 1 while a deployment does not end. */
  DeploymentCount: { namespace: 'ECS/ContainerInsights', statistic: 'Minimum' },
} as const satisfies Readonly<Record<string, MetricRow>>;

/** Name of a figure of a worker. */
export type WorkerMetric = keyof typeof workerMetrics;
