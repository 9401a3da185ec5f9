import type { EnvironmentInput } from './declaration.ts';
import { referenceTopology } from './topology.ts';

const services = {
  cache: { kind: 'redis', role: 'cache' },
  events: { kind: 'redis-sentinel', role: 'events' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
  search: { kind: 'opensearch', role: 'search' },
  database: {
    kind: 'postgres',
    role: 'database',
    existing: {
      host: 'orders.cluster-c0ffee0000.eu-central-1.rds.amazonaws.com',
      database: 'orders',
      username: 'millrace',
      passwordSecretArn: 'arn:aws:secretsmanager:eu-central-1:222222222222:secret:orders/millrace-AbCdEf',
      securityGroupId: 'sg-0bb22cc33dd44ee55',
    },
  },
} as const satisfies EnvironmentInput['services'];

/** What customers depend on: `make deploy` and `make destroy` refuse to lose what holds data in it until its protection is lifted, see docs/aws.md. */
export const production: EnvironmentInput = {
  name: 'production',
  engine: {
    kind: 'aws',
    account: '222222222222',
    region: 'eu-central-1',
    network: {
      kind: 'own',
      cidr: '10.30.0.0/16',
      // Where the database stands.
      peers: [{ vpcId: 'vpc-0bb22cc33dd44ee55', cidr: '10.0.0.0/16', routeTableIds: ['rtb-0bb22cc33dd44ee55'] }],
    },
  },
  size: 'medium',
  services,
  workers: {
    relay: {
      command: 'relay',
      arguments: ['--sink', 'events'],
      image: '222222222222.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
    'relay-log': {
      command: 'relay',
      arguments: ['--sink', 'log'],
      image: '222222222222.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
    janitor: {
      command: 'janitor',
      image: '222222222222.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
  },
  topology: referenceTopology(services, 'aws', { eventsPerDay: 100_000, searchClients: ['arn:aws:iam::222222222222:role/production-*'] }),
  alerts: {
    receivers: {
      warning: [{ kind: 'email', to: 'platform@example.com' }],
      critical: [{ kind: 'email', to: 'on-call@example.com' }],
    },
  },
  protection: { deletion: true },
  budgetUsdPerMonth: 3_100,
};
