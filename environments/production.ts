import type { EnvironmentInput } from './declaration.ts';
import { referenceTopology } from './topology.ts';

const services = {
  cache: { kind: 'redis', role: 'cache' },
  events: { kind: 'redis-sentinel', role: 'events' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
  search: { kind: 'opensearch', role: 'search' },
} as const satisfies EnvironmentInput['services'];

/** What customers depend on: nothing in it is destroyed without its protection being lifted first. */
export const production: EnvironmentInput = {
  name: 'production',
  engine: { kind: 'aws', account: '222222222222', region: 'eu-central-1', network: { kind: 'own', cidr: '10.30.0.0/16' } },
  size: 'medium',
  services,
  topology: referenceTopology(services, 'aws'),
  protection: { deletion: true },
  budgetUsdPerMonth: 3_100,
};
