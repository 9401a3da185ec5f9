import type { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { EcsService } from '@cdktf/provider-aws/lib/ecs-service';
import { EcsTaskDefinition } from '@cdktf/provider-aws/lib/ecs-task-definition';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { validate } from '../../core/validate.ts';
import { Connections } from '../foundation/connections.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import { containerOf } from './container.ts';
import type { WorkerAttributes, WorkerProps } from './props.ts';
import { WorkerReference, workerPorts } from './reference.ts';
import { type ResolvedWorker, resolveWorker } from './resolve.ts';
import { TaskRole } from './roles.ts';
import { programPolicies, startPolicies } from './statements.ts';
import { workerRules } from './validate.ts';

/** Who the program is, and who starts its container. */
interface Roles {
  readonly program: TaskRole;
  readonly start: TaskRole;
}

/**
 * A program of the package as containers on Fargate: in private subnets, on a file system it cannot write, as nobody in particular, with the rights to
 * what its arguments mean and to nothing else. Reads its binding when it starts; a binding with another content starts new tasks.
 *
 * A deployment starts new tasks before it ends old ones and goes back to what ran before when they do not become healthy. Terraform waits for its end, at most
 * 20 minutes, and fails with it: what did not run is deployed again by the next apply. An image in another account of the region is pulled where the policy of
 * its repository lets this account. ECS needs its service-linked role, which the first cluster of an account brings.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * new Worker(this, 'relay', { name: 'relay', declaration, network, encryptionKeyArn, cluster, binding, services });
 */
export class Worker extends WorkerReference {
  private readonly taskDefinition: EcsTaskDefinition;
  private readonly service: EcsService;

  constructor(scope: Construct, id: string, props: WorkerProps) {
    super(scope, id);
    const worker = resolveWorker(props, identityOf(this));
    validate(`worker ${props.name}`, workerRules, worker);
    const log = defineLogGroup(this, 'Logs', worker.logParts, props.encryptionKeyArn);
    const roles = this.defineRoles(worker);
    const { securityGroupId } = this.defineSecurityGroup(worker, props);
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: workerPorts });
    this.taskDefinition = this.defineTask(worker, roles, log);
    this.service = this.defineService(worker, props, [...roles.program.policies, ...roles.start.policies]);
    this.attributes = {
      name: props.name,
      clusterName: props.cluster.clusterName,
      serviceName: worker.fullName,
      securityGroupId,
      taskRoleName: roles.program.roleName,
    };
  }

  /** A worker that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: WorkerAttributes): WorkerReference {
    return new WorkerReference(scope, id, { attributes, ports: workerPorts });
  }

  /** The way around this construct: sets any argument of the ECS service, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.service.addOverride(path, value);
  }

  /** The same for the task definition. */
  overrideTask(path: string, value: unknown): void {
    this.taskDefinition.addOverride(path, value);
  }

  private defineRoles(worker: ResolvedWorker): Roles {
    const { fullName: name } = worker;
    return {
      program: new TaskRole(this, 'Role', { name, description: `program of ${name}`, policies: programPolicies(worker) }),
      start: new TaskRole(this, 'StartRole', {
        name: `${name}-start`,
        description: `pulls the image of ${name} and opens its log`,
        policies: startPolicies(worker),
      }),
    };
  }

  private defineSecurityGroup({ groupName, fullName }: ResolvedWorker, { network }: WorkerProps): SecurityGroup {
    return new SecurityGroup(this, 'SecurityGroup', { vpcId: network.vpcId, name: groupName, description: `tasks of ${fullName}` });
  }

  private defineTask(worker: ResolvedWorker, { program, start }: Roles, log: CloudwatchLogGroup): EcsTaskDefinition {
    return new EcsTaskDefinition(this, 'Task', {
      family: worker.fullName,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: `${worker.cpuUnits}`,
      memory: `${worker.memoryMiB}`,
      runtimePlatform: { cpuArchitecture: worker.architecture.toUpperCase(), operatingSystemFamily: 'LINUX' },
      taskRoleArn: program.roleArn,
      executionRoleArn: start.roleArn,
      containerDefinitions: JSON.stringify([containerOf(worker, log.name)]),
    });
  }

  private defineService(worker: ResolvedWorker, { network, cluster, binding }: WorkerProps, dependsOn: TaskRole['policies']): EcsService {
    return new EcsService(this, 'Resource', {
      name: worker.fullName,
      cluster: cluster.clusterArn,
      taskDefinition: this.taskDefinition.arn,
      desiredCount: worker.tasks,
      launchType: 'FARGATE',
      platformVersion: 'LATEST',
      networkConfiguration: {
        subnets: [...worker.subnetIds],
        securityGroups: [network.clients.securityGroupId, this.connections.securityGroupId],
        assignPublicIp: false,
      },
      // All that run stay until as many new ones are healthy, so a standby is there at any time.
      deploymentMinimumHealthyPercent: 100,
      deploymentMaximumPercent: 200,
      deploymentCircuitBreaker: { enable: true, rollback: true },
      // Without it an apply succeeds whatever becomes of the tasks, and the next one has nothing to do.
      waitForSteadyState: true,
      forceNewDeployment: true,
      triggers: { binding: binding.generation },
      availabilityZoneRebalancing: 'ENABLED',
      enableExecuteCommand: false,
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
      // A task that starts without its rights fails, and counts as a failed deployment.
      dependsOn: [...dependsOn],
    });
  }
}
