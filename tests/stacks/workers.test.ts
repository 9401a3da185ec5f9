import { App } from '../../constructs/core/framework.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import type { AwsEnvironment } from '../../stacks/base.ts';
import { DatabaseStack } from '../../stacks/database.ts';
import { NetworkStack } from '../../stacks/network.ts';
import { TopologyStack } from '../../stacks/topology.ts';
import { WorkersStack } from '../../stacks/workers.ts';
import { allow } from '../constructs/worker.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

const existing = {
  host: 'orders.example.com',
  database: 'orders',
  username: 'relay',
  passwordSecretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:orders-AbCdEf',
  securityGroupId: 'sg-0a1b',
};
const image = '111111111111.dkr.ecr.eu-central-1.amazonaws.com/millrace-worker:0.1.0';
const environment = parseEnvironment({
  name: 'trial',
  engine: {
    kind: 'aws',
    account: '111111111111',
    region: 'eu-central-1',
    network: {
      kind: 'existing',
      vpcId: 'vpc-1',
      privateSubnets: ['a', 'b'].map((letter) => ({ id: `subnet-${letter}`, zone: `eu-central-1${letter}` })),
    },
  },
  size: 'small',
  services: {
    database: { kind: 'postgres', role: 'database', existing },
    events: { kind: 'redis', role: 'events' },
    jobs: { kind: 'redis', role: 'jobs' },
  },
  workers: {
    relay: { command: 'relay', arguments: ['--sink', 'events'], image },
    'relay-jobs': { command: 'relay', arguments: ['--sink', 'jobs'], image },
  },
  topology: {},
}) as AwsEnvironment;

const templates = inTemporaryFolder((outdir) => {
  const app = new App({ outdir });
  const props = { environment, state: { kind: 'local' } } as const;
  const { network, encryptionKeyArn } = new NetworkStack(app, props);
  const postgres = environment.services.database;
  if (postgres?.kind !== 'postgres') throw new Error('the declaration has a database');
  const database = new DatabaseStack(app, { ...props, network, encryptionKeyArn, services: { database: postgres } });
  new TopologyStack(app, { ...props, network, encryptionKeyArn, fragments: [database.fragment], administrable: database.administrable });
  const workers = new WorkersStack(app, {
    ...props,
    network,
    encryptionKeyArn,
    binding: { parameterName: '/millrace/trial/binding', documentsBucket: 'documents', generation: 'generation-1' },
    services: {
      ...database.connectable,
      events: { kind: 'redis', role: 'events', connectStatements: allow('events') },
      jobs: { kind: 'redis', role: 'jobs', connectStatements: allow('jobs') },
    },
  });
  app.synth();
  return {
    database: Template.read(outdir, database.node.id),
    topology: Template.read(outdir, 'trial-topology'),
    workers: Template.read(outdir, workers.node.id),
  };
});

test('a database that exists is in the binding, and its way in is a rule and a policy', () => {
  expect(templates.database.counts()).toEqual({
    aws_iam_policy: 1,
    aws_vpc_security_group_egress_rule: 1,
    aws_vpc_security_group_ingress_rule: 1,
  });
  expect(templates.database.one('aws_iam_policy')).toMatchObject({ name: 'trial-database-connect' });
  expect(templates.topology.text).toContain('orders.example.com');
});

test('every declared worker is a service of one cluster', () => {
  const { workers } = templates;
  expect(workers.counts()).toMatchObject({ aws_ecs_cluster: 1, aws_ecs_service: 2, aws_ecs_task_definition: 2, aws_iam_role: 4 });
  expect(workers.outputs()).toMatchObject({
    cluster_name: 'trial-workers',
    service_names: { relay: 'trial-worker-relay', 'relay-jobs': 'trial-worker-relay-jobs' },
  });
});

test('each may read the password of the database and connect to its own sink', () => {
  const policies = templates.workers.all('aws_iam_role_policy').map(({ name, policy }) => [name as string, policy as string] as const);
  expect(policies.map(([name]) => name).sort()).toEqual([
    ...['connect-database', 'connect-database', 'connect-events', 'connect-jobs'],
    ...['documents', 'documents', 'start', 'start'],
  ]);
  const read = policies.find(([name]) => name === 'connect-database')?.[1] ?? '';
  expect(JSON.parse(read).Statement).toEqual([
    { Sid: 'ReadAccess', Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: [existing.passwordSecretArn] },
  ]);
});
