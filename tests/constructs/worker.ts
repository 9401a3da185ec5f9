import { WorkerCluster } from '../../constructs/aws/worker/cluster.ts';
import { Worker } from '../../constructs/aws/worker/index.ts';
import type { WorkerProps } from '../../constructs/aws/worker/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import type { WorkerDeclaration } from '../../environments/schema.ts';
import { Template } from '../support/template.ts';

/** What connecting to a service takes, told apart by its name. */
export const allow = (service: string): readonly PolicyStatement[] => [
  { Sid: 'Connect', Effect: 'Allow', Action: 'x:Connect', Resource: `arn:of:${service}` },
];
/** A declaration as it leaves the schema. */
export const declaration: WorkerDeclaration = {
  command: 'relay',
  arguments: [],
  image: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/platform/millrace-worker:0.1.0',
  tasks: 2,
  cpuUnits: 256,
  memoryMiB: 512,
  architecture: 'arm64',
};
export const services: WorkerProps['services'] = {
  cache: { kind: 'redis', role: 'cache', connectStatements: allow('cache') },
  database: { kind: 'postgres', role: 'database', connectStatements: allow('database') },
  events: { kind: 'redis-sentinel', role: 'events', connectStatements: allow('events') },
  search: { kind: 'opensearch', role: 'search', connectStatements: allow('search') },
};
/** A second broker, so that one must be named. */
export const jobs = { kind: 'redis', role: 'jobs', connectStatements: allow('jobs') } as const;
/** All that has to be said, besides the cluster. */
export const minimal: Omit<WorkerProps, 'cluster'> = {
  name: 'relay',
  declaration,
  network: {
    vpcId: 'vpc-1',
    privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
    clients: { securityGroupId: 'sg-clients' },
  },
  encryptionKeyArn: 'arn:aws:kms:key',
  binding: { parameterName: '/millrace/test/binding', documentsBucket: 'documents-of-test', generation: 'generation-1' },
  services,
};

export interface Variation {
  readonly props?: Partial<WorkerProps>;
  readonly declared?: Partial<WorkerDeclaration>;
  readonly identity?: Partial<EnvironmentIdentity>;
}

/** A stack with a cluster and one worker: `minimal` with a variation over it. */
export function define(
  { props = {}, declared = {}, identity = {} }: Variation = {},
  use: (worker: Worker) => void = () => undefined,
): Template {
  return Template.of((stack) => {
    const { encryptionKeyArn } = minimal;
    const cluster = new WorkerCluster(stack, 'Cluster', { encryptionKeyArn });
    use(new Worker(stack, 'relay', { ...minimal, cluster, declaration: { ...declaration, ...declared }, ...props }));
  }, identity);
}
