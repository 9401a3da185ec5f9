import type { AlertRow } from '../row.ts';

/** Those who watch, where they are servers of the environment: without them no other alert is told. The label `job` is the name of a service that is scraped. */
export const prometheusRows: readonly AlertRow[] = [
  {
    id: 'prometheus-target-down',
    subject: 'prometheus',
    title: 'Prometheus gets no metrics from a service',
    unit: '1',
    comparison: '<',
    levels: { warning: { threshold: 1, forSeconds: 120 } },
    missing: 'fine',
    prometheus: { expression: 'up', by: ['job', 'instance'] },
    why: 'Alerts that rest on these metrics stay silent, whatever happens; without the probe those are nearly all.',
    source: 'of our own: eight scrapes in a row',
  },
  {
    id: 'prometheus-rules-failing',
    subject: 'prometheus',
    title: 'Prometheus cannot evaluate a rule',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    prometheus: {
      expression: 'sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total{job=~"$services"}[5m]))',
      by: ['rule_group'],
    },
    why: 'An alert whose rule fails does not fire, and nothing else shows that.',
    source: 'of our own: a rule either works or does not',
  },
  {
    id: 'prometheus-alerts-dropped',
    subject: 'prometheus',
    title: 'Prometheus could not hand alerts to Alertmanager',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    prometheus: {
      // Long enough to be told once Alertmanager is back.
      expression: 'sum by (job) (increase(prometheus_notifications_dropped_total{job=~"$services"}[15m]))',
      by: ['job'],
    },
    why: 'Alerts that began and ended meanwhile were told to nobody; those that last are sent again every minute.',
    source: 'of our own: a dropped alert is one too many',
  },
  {
    id: 'alertmanager-notifications-failing',
    subject: 'alertmanager',
    title: 'Alertmanager cannot reach a receiver',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    prometheus: {
      expression: 'sum by (integration) (increase(alertmanager_notifications_failed_total{job=~"$services"}[5m]))',
      by: ['integration'],
    },
    why: 'Who should be told of alerts is not, and takes the silence for health.',
    source: 'of our own: a notification that failed after its retries is one too many',
  },
];
