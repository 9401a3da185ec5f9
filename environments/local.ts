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

/** Server processes on this machine: the quickest way to try a change, and what `make demo` runs on. */
export const local: EnvironmentInput = {
  name: 'local',
  engine: { kind: 'process', ports: { base: 17_000 } },
  size: 'small',
  services,
  topology: referenceTopology(services, 'process'),
  protection: { deletion: false },
};
