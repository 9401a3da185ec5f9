import type { AlertRow } from '../row.ts';

const utilization = 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html';
const containerInsights = 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html';

/** Programs of the package on Fargate. None of these wakes somebody up: what users miss when a relay stands still, the outbox tells, whatever keeps it. */
export const workerRows: readonly AlertRow[] = [
  {
    id: 'worker-cpu',
    subject: 'worker',
    title: 'A worker uses all the processor time that it has',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [{ of: 'worker', metric: 'CPUUtilization', periodSeconds: 300, scale: 100 }],
    why: 'A relay at its limit publishes later than events come: they reach consumers minutes late, and ever later while the load lasts.',
    source: utilization,
  },
  {
    id: 'worker-memory',
    subject: 'worker',
    title: 'A worker has used most of its memory',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.85, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'worker', metric: 'MemoryUtilization', periodSeconds: 60, scale: 100 }],
    why: 'At 100 % the task is killed: a standby takes over within seconds, and meets the same end if the cause is the load.',
    source: utilization,
  },
  {
    id: 'worker-tasks-missing',
    subject: 'worker',
    title: 'Fewer tasks of a worker run than are declared',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 600 } },
    missing: 'trouble',
    cloudWatch: [
      {
        of: 'worker',
        expression: 'desired - running',
        metrics: { desired: 'DesiredTaskCount', running: 'RunningTaskCount' },
        periodSeconds: 60,
      },
    ],
    why: 'Without a standby the next failure stops the worker: no event is published, or nothing is kept within its retention.',
    source: containerInsights,
  },
  {
    id: 'worker-deployment-stuck',
    subject: 'worker',
    title: 'A deployment of a worker does not come to its end',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 2, forSeconds: 1_800 } },
    missing: 'fine',
    cloudWatch: [{ of: 'worker', metric: 'DeploymentCount', periodSeconds: 300 }],
    why: 'The old version goes on and the new one does not run: the release that somebody believes to be out is not, since half an hour.',
    source: 'a deployment ends within 20 minutes, or Terraform gives it up',
  },
];
