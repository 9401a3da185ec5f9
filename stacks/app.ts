import { requireSoundAlerts } from '../alerts/check.ts';
import { validateNotifications } from '../constructs/aws/notifications/validate.ts';
import { App, type Construct, type TerraformStack } from '../constructs/core/framework.ts';
import type { EnvironmentStack } from '../constructs/core/identity.ts';
import { about, everyOne } from '../constructs/core/validate.ts';
import type { Environment, EnvironmentInput } from '../environments/schema.ts';
import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { AwsEnvironment, AwsStackProps } from './base.ts';
import { defineBootstrap } from './bootstrap.ts';
import { CacheStack } from './cache.ts';
import { DatabaseStack } from './database.ts';
import { MessagingStack } from './messaging.ts';
import { NetworkStack } from './network.ts';
import { ObservabilityStack } from './observability.ts';
import { type DockerEnvironment, PlatformStack } from './platform.ts';
import { SearchStack } from './search.ts';
import type { DeclarationOf, ServerStackProps, ServingStack } from './server-stack.ts';
import type { StateLocation } from './state.ts';
import { TopologyStack } from './topology.ts';
import { WorkersStack } from './workers.ts';

export interface PlanOptions {
  readonly environments: readonly Environment[];
  readonly state: StateLocation;
  /** Every environment that there is, so that a plan of one and a plan of all share one view of their accounts. @default `environments` */
  readonly declared?: readonly Pick<EnvironmentInput, 'engine'>[];
  /** Where the plan is written. @default CDKTF_OUTDIR, which the CLI of cdktf sets, or cdktf.out */
  readonly outDir?: string;
}

export interface Plan {
  readonly app: App;
  readonly stacks: readonly TerraformStack[];
  /** What is declared and is not in the plan, and critical alarms that nobody is told of; a sentence each. */
  readonly leftOut: readonly string[];
  /** How many alarms watch each environment, and what they cost; sentences. */
  readonly alarms: readonly string[];
}

/**
 * What plans are written for: ephemeral values and write-only arguments begin with these. The successor of cdktf refuses what older ones do not know;
 * `required_version` in the plan would say it to Terraform too, but makes checkov 3.3 pass over the whole file.
 */
const targetVersions = { terraform: '>=1.11.0', opentofu: '>=1.11.0' };

/**
 * Defines the stacks of all `environments` in one app, those of their accounts first; `plan.app.synth()` writes them.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID with the problems of all servers of all environments; of workers and topologies once their servers have none.
 */
export function planOf({ outDir, ...options }: PlanOptions): Plan {
  const { environments, state } = options;
  const app = new App({ context: { targetVersions }, ...(outDir === undefined ? {} : { outdir: outDir }) });
  const shared = defineBootstrap(app, options);
  const own = everyOne(
    environments
      .filter(isPlanned)
      .map((environment) => () => about(`the plan of ${environment.name}`, () => defineStacks(app, environment, state))),
  ).flat();
  const alarms = own.flatMap((stack) => (stack instanceof ObservabilityStack ? [stack.costLine] : []));
  return { app, stacks: [...shared, ...own], leftOut: environments.flatMap(leftOutOf), alarms };
}

type Ground = Omit<ServerStackProps<ServiceKind>, 'services'>;

/** A stack for the services of these kinds. One without any is planned too: what it held is deleted by its plan, not forgotten. */
function holding<K extends ServiceKind>(Stack: new (scope: Construct, props: ServerStackProps<K>) => ServingStack, ...kinds: readonly K[]) {
  return (app: App, ground: Ground): ServingStack => new Stack(app, { ...ground, services: ofKinds(ground.environment, kinds) });
}

/** Which stack holds which kinds. */
const serverStacks = [
  holding(CacheStack, 'redis'),
  holding(SearchStack, 'opensearch'),
  holding(MessagingStack, 'redis-sentinel', 'kafka', 'rabbitmq'),
  holding(DatabaseStack, 'postgres'),
];

/** A Docker environment is one stack: all of it is on one machine, and stands in a minute or two. */
function defineStacks(app: App, environment: AwsEnvironment | DockerEnvironment, state: StateLocation): TerraformStack[] {
  return isAws(environment) ? defineAws(app, { environment, state }) : [new PlatformStack(app, environment)];
}

function defineAws(app: App, props: AwsStackProps): EnvironmentStack[] {
  const base = new NetworkStack(app, props);
  const { network, encryptionKeyArn } = base;
  const ground = { ...props, network, encryptionKeyArn };
  const alerts = (): [] => checkedAlerts(props.environment);
  const serving = everyOne([alerts, ...serverStacks.map((define) => () => [define(app, ground)])]).flat();
  const administrable = Object.assign({}, ...serving.map((stack) => stack.administrable)) as ServingStack['administrable'];
  const topology = new TopologyStack(app, { ...ground, fragments: serving.map(({ fragment }) => fragment), administrable });
  const services = Object.assign({}, ...serving.map(({ connectable }) => connectable)) as ServingStack['connectable'];
  const workers = new WorkersStack(app, { ...ground, binding: topology.place, services });
  // Also where no value leads from one to the other: a binding must not name a database whose way in is not open yet.
  for (const stack of serving) {
    topology.addDependency(stack);
    workers.addDependency(stack);
  }
  const observability = new ObservabilityStack(app, {
    ...{ ...ground, binding: topology.place },
    alarmTargets: [...serving.flatMap((stack) => stack.alarmTargets), ...workers.workers.map((worker) => worker.alarmTarget())],
    watchable: Object.assign({}, ...serving.map((stack) => stack.watchable)) as ServingStack['watchable'],
  });
  // Metrics of workers are named before their services stand, so no value leads here from them.
  observability.addDependency(workers);
  return [base, ...serving, topology, workers, observability];
}

/** Beside the servers, so that problems of both are told at once. */
function checkedAlerts(environment: AwsEnvironment): [] {
  const { name, alerts, engine } = environment;
  everyOne([() => requireSoundAlerts(environment), () => validateNotifications(name, { ...alerts, region: engine.region })]);
  return [];
}

function ofKinds<K extends ServiceKind>({ services }: Environment, kinds: readonly K[]): Record<string, DeclarationOf<K>> {
  const isOne = (entry: [string, Environment['services'][string]]): entry is [string, DeclarationOf<K>] =>
    (kinds as readonly ServiceKind[]).includes(entry[1].kind);
  return Object.fromEntries(Object.entries(services).filter(isOne));
}

function leftOutOf({ name, engine, alerts }: Environment): string[] {
  if (engine.kind === 'aws')
    return alerts.receivers.critical.length > 0
      ? []
      : [`${name}: alerts.receivers.critical names nobody, so critical alarms turn red and nobody is told of them`];
  if (engine.kind === 'process') return [`${name}: the engine process plans nothing; make up ENV=${name} starts its servers`];
  return [];
}

function isPlanned(environment: Environment): environment is AwsEnvironment | DockerEnvironment {
  return environment.engine.kind !== 'process';
}

function isAws(environment: Environment): environment is AwsEnvironment {
  return environment.engine.kind === 'aws';
}
