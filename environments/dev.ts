import type { EnvironmentInput } from './declaration.ts';
import { referenceTopology } from './topology.ts';

const services = {
  cache: { kind: 'redis', role: 'cache' },
  events: { kind: 'redis-sentinel', role: 'events' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
  search: { kind: 'opensearch', role: 'search' },
  database: { kind: 'postgres', role: 'database' },
  metrics: { kind: 'prometheus', role: 'metrics' },
  alerts: { kind: 'alertmanager', role: 'alerts' },
} as const satisfies EnvironmentInput['services'];

/** Containers on one machine, with the dashboards: what a team shares while it develops. */
export const dev: EnvironmentInput = {
  name: 'dev',
  engine: { kind: 'docker', tools: ['grafana', 'opensearch-dashboards', 'kafka-ui'] },
  size: 'small',
  services,
  topology: referenceTopology(services, 'docker'),
  protection: { deletion: false },
};
