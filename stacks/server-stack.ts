import type { NetworkReference } from '../constructs/aws/network/index.ts';
import type { ConnectableService } from '../constructs/aws/worker/props.ts';
import type { AlarmTarget } from '../constructs/core/alarm-target.ts';
import { type Bindable, mergeFragments } from '../constructs/core/binding.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import type { EnvironmentStack } from '../constructs/core/identity.ts';
import type { PolicyStatement } from '../constructs/core/policy.ts';
import { everyOne } from '../constructs/core/validate.ts';
import type { Environment, ServiceDeclaration } from '../environments/schema.ts';
import type { BindingFragment, ServiceKind, ServiceRole } from '../runtime/src/contracts/binding.ts';
import { type AwsEnvironment, AwsStack, type AwsStackProps } from './base.ts';
import type { StackPart } from './names.ts';
import { definePolicy, type Offer } from './offers.ts';

/** The declaration of a service of one of these kinds. */
export type DeclarationOf<K extends ServiceKind> = Extract<ServiceDeclaration, { kind: K }>;

export interface ServerStackProps<K extends ServiceKind> extends AwsStackProps {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** The services that this stack holds, by name. */
  readonly services: Readonly<Record<string, DeclarationOf<K>>>;
}

/** How a stack makes its servers, and which rights it offers on each. */
export interface ServerPlan<K extends ServiceKind, S extends Bindable> {
  define(scope: Construct, ground: ServerGround<K>): S;
  /** What its alarms ask for; none where AWS measures nothing of it. */
  alarmTarget?(server: S, topology: Environment['topology']): AlarmTarget;
  /** What the probe needs in order to look at it. @default the first of `offers` */
  watchStatements?(server: S): readonly PolicyStatement[];
  /** Named after the verb alone. The first is what a program of the package needs in order to connect; who connects may administer, unless one is for that. */
  offers(server: S): readonly [Offer, ...Offer[]];
}

/** What every construct of a server begins with. */
export interface ServerGround<K extends ServiceKind> {
  readonly declaration: DeclarationOf<K>;
  readonly backup: AwsEnvironment['backup'];
  readonly topology: AwsEnvironment['topology'];
  readonly props: {
    readonly service: string;
    readonly role: ServiceRole;
    readonly network: NetworkReference;
    readonly encryptionKeyArn: string;
  };
}

/** What the declaration says instead of the size's defaults, where it says something: an absent property, not one that is undefined. */
export function overridesOf<T>({ overrides }: { readonly overrides?: T | undefined }): { readonly overrides?: T } {
  return overrides === undefined ? {} : { overrides };
}

/** A stack that contributes services to the environment. */
export interface ServingStack extends EnvironmentStack {
  readonly fragment: BindingFragment;
  /** What connecting takes, by name of the service. */
  readonly connectable: Readonly<Record<string, ConnectableService>>;
  /** What keeping its topics, queues and indices takes, by name of the service. */
  readonly administrable: Readonly<Record<string, readonly PolicyStatement[]>>;
  /** What looking at it takes, by name of the service. */
  readonly watchable: Readonly<Record<string, readonly PolicyStatement[]>>;
  readonly alarmTargets: readonly AlarmTarget[];
}

/**
 * Servers of an environment that change at one rate: each bound, each with policies that services' roles attach.
 *
 * Outputs: `binding_fragment`, and the ARN of each policy as `SERVICE_NAME_policy_arn`. Values that cross to other stacks are names and ARNs, never secrets.
 */
export class ServerStack<K extends ServiceKind, S extends Bindable> extends AwsStack implements ServingStack {
  readonly fragment: BindingFragment;
  readonly connectable: Readonly<Record<string, ConnectableService>>;
  readonly administrable: Readonly<Record<string, readonly PolicyStatement[]>>;
  readonly watchable: Readonly<Record<string, readonly PolicyStatement[]>>;
  readonly alarmTargets: readonly AlarmTarget[];
  protected readonly servers: readonly S[];

  constructor(scope: Construct, part: StackPart, props: ServerStackProps<K>, plan: ServerPlan<K, S>) {
    super(scope, part, props);
    const { environment, network, encryptionKeyArn, services } = props;
    const { backup, topology } = environment;
    const defineOne = (service: string, declaration: DeclarationOf<K>) => {
      const { kind, role } = declaration;
      const server = plan.define(this, { declaration, backup, topology, props: { service, role, network, encryptionKeyArn } });
      const all = plan.offers(server);
      for (const offer of all) definePolicy(this, { ...offer, name: [service, ...offer.name] });
      const connectStatements = all[0].statements;
      const watch = plan.watchStatements?.(server) ?? connectStatements;
      const publish = all.find(({ name }) => name[0] === 'produce');
      const connectable = { kind, role, connectStatements, ...(publish && { publishStatements: publish.statements }) };
      return { service, server, connectable, administer: administering(all), watch };
    };
    const defined = everyOne(
      Object.entries(services).map(
        ([service, declaration]) =>
          () =>
            defineOne(service, declaration),
      ),
    );
    this.servers = defined.map(({ server }) => server);
    this.fragment = mergeFragments(this.servers.map((server) => server.binding()));
    this.connectable = Object.fromEntries(defined.map(({ service, connectable }) => [service, connectable]));
    this.administrable = Object.fromEntries(defined.map(({ service, administer }) => [service, administer]));
    this.watchable = Object.fromEntries(defined.map(({ service, watch }) => [service, watch]));
    this.alarmTargets = this.servers.flatMap((server) => plan.alarmTarget?.(server, topology) ?? []);
    new TerraformOutput(this, 'binding_fragment', { value: this.fragment });
  }
}

function administering([connect, ...further]: readonly [Offer, ...Offer[]]): readonly PolicyStatement[] {
  return (further.find(({ name }) => name[0] === 'administer') ?? connect).statements;
}
