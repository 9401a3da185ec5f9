import type { EnvironmentInput } from './declaration.ts';
import { referenceTopology } from './topology.ts';

const services = {
  cache: { kind: 'redis', role: 'cache' },
  events: { kind: 'redis-sentinel', role: 'events' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
  search: { kind: 'opensearch', role: 'search' },
} as const satisfies EnvironmentInput['services'];

/** The same plan as production in a smaller size; it may be destroyed. Databases are the services' own. */
export const staging: EnvironmentInput = {
  name: 'staging',
  engine: { kind: 'aws', account: '111111111111', region: 'eu-central-1', network: { kind: 'own', cidr: '10.20.0.0/16' } },
  size: 'small',
  services,
  topology: referenceTopology(services, 'aws'),
  protection: { deletion: false },
  budgetUsdPerMonth: 1_430,
};
