import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import type { Construct } from '../constructs/core/framework.ts';
import { type EnvironmentIdentity, EnvironmentStack } from '../constructs/core/identity.ts';
import { defaultTags } from '../constructs/core/tags.ts';
import type { Environment } from '../environments/schema.ts';
import { zonesOf } from '../environments/zones.ts';
import { type StackPart, stackName } from './names.ts';
import { keepState, type StateLocation } from './state.ts';

/** An environment whose engine is AWS. */
export type AwsEnvironment = Environment & { readonly engine: Extract<Environment['engine'], { kind: 'aws' }> };

export interface AwsStackProps {
  readonly environment: AwsEnvironment;
  readonly state: StateLocation;
}

/** A stack in one account and region: its provider refuses every other account, tags everything, and its state has a place. */
export class AccountStack extends EnvironmentStack {
  constructor(scope: Construct, name: string, identity: EnvironmentIdentity, state: StateLocation) {
    super(scope, name, identity);
    const { account, region } = identity;
    new AwsProvider(this, 'aws', { region, allowedAccountIds: [account], defaultTags: [{ tags: defaultTags(identity, name) }] });
    keepState(this, state);
  }
}

/** A stack of an environment on AWS. */
export class AwsStack extends AccountStack {
  constructor(scope: Construct, part: StackPart, { environment, state }: AwsStackProps) {
    super(scope, stackName(environment.name, part), identityFrom(environment), state);
  }
}

function identityFrom({ name, engine, size, protection, retention, backup }: AwsEnvironment): EnvironmentIdentity {
  const { account, region } = engine;
  return {
    name,
    account,
    region,
    zones: zonesOf(engine),
    size,
    deletionProtection: protection.deletion,
    serverLogDays: retention.serverLogDays,
    backupDays: backup.keepDays,
  };
}
