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
      passwordSecretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:orders/millrace-AbCdEf',
      securityGroupId: 'sg-0aa11bb22cc33dd44',
    },
  },
} as const satisfies EnvironmentInput['services'];

/** The same plan as production in a smaller size; it may be destroyed. The database is one that exists already. */
export const staging: EnvironmentInput = {
  name: 'staging',
  engine: {
    kind: 'aws',
    account: '111111111111',
    region: 'eu-central-1',
    network: {
      kind: 'own',
      cidr: '10.20.0.0/16',
      // Where the database stands.
      peers: [{ vpcId: 'vpc-0aa11bb22cc33dd44', cidr: '10.0.0.0/16', routeTableIds: ['rtb-0aa11bb22cc33dd44'] }],
    },
  },
  size: 'small',
  services,
  workers: {
    relay: {
      command: 'relay',
      arguments: ['--sink', 'events'],
      image: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
    'relay-log': {
      command: 'relay',
      arguments: ['--sink', 'log'],
      image: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
    janitor: {
      command: 'janitor',
      image: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/millrace:0.1.0',
    },
  },
  topology: referenceTopology(services, 'aws', { searchClients: ['arn:aws:iam::111111111111:role/staging-*'] }),
  alerts: {
    receivers: {
      warning: [{ kind: 'email', to: 'platform@example.com' }],
      critical: [{ kind: 'email', to: 'platform@example.com' }],
    },
  },
  protection: { deletion: false },
  budgetUsdPerMonth: 1_430,
};
