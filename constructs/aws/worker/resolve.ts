import type { WorkerDeclaration } from '../../../environments/schema.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, logGroupName, resourceName } from '../../core/naming.ts';
import type { PolicyStatement } from '../../core/policy.ts';
import { keepArchiveStatements, readBindingStatements } from '../foundation/binding-access.ts';
import type { ConnectableService, WorkerProps } from './props.ts';
import { usedServices } from './services.ts';

/** What the construct says itself, because the rest of it relies on it. */
export const ownFlags = ['--binding', '--http-port', '--http-host'] as const;
/** Where a worker serves its health and its metrics. */
export const healthPort = 8080;

/** Everything about a worker, decided. */
export type ResolvedWorker = ReturnType<typeof resolveWorker>;

/** The settings of a worker with every default and every name. */
export function resolveWorker(props: WorkerProps, identity: EnvironmentIdentity) {
  const { name, declaration, binding, services, network } = props;
  const { command, arguments: given, image, tasks, cpuUnits, memoryMiB, architecture } = declaration;
  const used = usedServices(declaration, services);
  const repository = repositoryOf(image);
  return {
    name,
    image,
    repository,
    repositoryArn: repository === undefined ? '' : arnOf({ ...identity, ...repository }, 'ecr', `repository/${repository.path}`),
    logParts: ['workers', name],
    logStreamsArn: arnOf(identity, 'logs', `log-group:${logGroupName(identity, 'workers', name)}:*`),
    tasks,
    cpuUnits,
    memoryMiB,
    architecture,
    given,
    command: [command, '--binding', `ssm:${binding.parameterName}`, '--http-port', `${healthPort}`, '--http-host', '0.0.0.0', ...given],
    // Apart from the names of services, which roles and security groups have too.
    fullName: resourceName(identity, 'worker', name),
    /** Without the name of the environment, which security groups add. */
    groupName: `worker-${name}`,
    region: identity.region,
    deletionProtection: identity.deletionProtection,
    subnetIds: network.privateSubnetIds,
    documents: readBindingStatements(identity, binding, props.encryptionKeyArn),
    archive: archiveStatements(props, identity),
    problems: used.problems,
    connects: used.names.map((service) => ({ service, statements: statementsOf(command, services[service]) })),
  };
}

/** A relay publishes to what it connects to; the other commands look and mend. */
function statementsOf(command: WorkerDeclaration['command'], service: ConnectableService | undefined): readonly PolicyStatement[] {
  const { connectStatements = [], publishStatements } = service ?? {};
  return command === 'relay' ? (publishStatements ?? connectStatements) : connectStatements;
}

/** Who drops partitions of the log archives them first. */
function archiveStatements({ declaration, binding, encryptionKeyArn }: WorkerProps, identity: EnvironmentIdentity): PolicyStatement[] {
  if (declaration.command !== 'janitor' || binding.archiveBucket === undefined) return [];
  return keepArchiveStatements(identity, binding.archiveBucket, encryptionKeyArn);
}

/** A repository of ECR, or undefined where the image lies elsewhere. */
function repositoryOf(image: string) {
  const match = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([a-z0-9._/-]+)[:@]/.exec(image);
  if (match === null) return undefined;
  const [, account, region, path] = match as unknown as [string, string, string, string];
  return { account, region, path };
}
