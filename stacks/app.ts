import { App } from '../constructs/core/framework.ts';
import type { EnvironmentStack } from '../constructs/core/identity.ts';
import type { Environment, ServiceDeclaration } from '../environments/schema.ts';
import type { AwsEnvironment, AwsStackProps } from './base.ts';
import { CacheStack } from './cache.ts';
import { NetworkStack } from './network.ts';
import type { StateLocation } from './state.ts';
import { TopologyStack } from './topology.ts';

export interface PlanOptions {
  readonly environments: readonly Environment[];
  readonly state: StateLocation;
  /** Where the plan is written. @default CDKTF_OUTDIR, which the CLI of cdktf sets, or cdktf.out */
  readonly outDir?: string;
}

export interface Plan {
  readonly app: App;
  readonly stacks: readonly EnvironmentStack[];
  /** What is declared and is not in the plan, a sentence each. */
  readonly leftOut: readonly string[];
}

/** Defines the stacks of all `environments` in one app; `plan.app.synth()` writes them. */
export function planOf({ environments, state, outDir }: PlanOptions): Plan {
  const app = new App(outDir === undefined ? {} : { outdir: outDir });
  const stacks = environments.flatMap((environment) => (isAws(environment) ? defineAws(app, { environment, state }) : []));
  return { app, stacks, leftOut: environments.flatMap(leftOutOf) };
}

function defineAws(app: App, props: AwsStackProps): EnvironmentStack[] {
  const network = new NetworkStack(app, props);
  const { encryptionKeyArn } = network;
  const services = ofKind(props.environment, 'redis');
  const caches =
    Object.keys(services).length === 0 ? [] : [new CacheStack(app, { ...props, network: network.network, encryptionKeyArn, services })];
  const topology = new TopologyStack(app, { ...props, encryptionKeyArn, fragments: caches.map(({ fragment }) => fragment) });
  return [network, ...caches, topology];
}

function ofKind<K extends ServiceDeclaration['kind']>(
  { services }: Environment,
  kind: K,
): Record<string, Extract<ServiceDeclaration, { kind: K }>> {
  const ofThatKind = (entry: [string, ServiceDeclaration]): entry is [string, Extract<ServiceDeclaration, { kind: K }>] =>
    entry[1].kind === kind;
  return Object.fromEntries(Object.entries(services).filter(ofThatKind));
}

function leftOutOf(environment: Environment): string[] {
  const { name, engine, services } = environment;
  if (engine.kind === 'process') return [`${name}: the engine process plans nothing; make up ENV=${name} starts its servers`];
  if (engine.kind === 'docker') return [`${name}: the engine docker is not built yet, left out`];
  return Object.entries(services)
    .filter(([, { kind }]) => kind !== 'redis')
    .map(([service, { kind }]) => `${name}: ${kind} \`${service}\` is not built yet, left out`);
}

function isAws(environment: Environment): environment is AwsEnvironment {
  return environment.engine.kind === 'aws';
}
