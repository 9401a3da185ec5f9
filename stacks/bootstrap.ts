import { ImageRepository } from '../constructs/aws/account/image-repository.ts';
import { LogDelivery } from '../constructs/aws/account/log-delivery.ts';
import { ServiceLinkedRoles } from '../constructs/aws/account/service-linked-roles.ts';
import { StateBucket } from '../constructs/aws/account/state-bucket.ts';
import { EncryptionKey } from '../constructs/aws/foundation/encryption-key.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import type { EnvironmentIdentity } from '../constructs/core/identity.ts';
import type { EnvironmentInput } from '../environments/schema.ts';
import { AccountStack } from './base.ts';
import type { StateLocation } from './state.ts';

/** Where environments of an account stand side by side. */
export interface AccountRegion {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

export interface BootstrapStackProps extends AccountRegion {
  readonly state: StateLocation;
  /** Whether the roles of services are made here; `existing` where the account has them. @default 'create' */
  readonly serviceLinkedRoles?: 'create' | 'existing';
}

export interface BootstrapOptions {
  /** Those that are planned; what does not stand on AWS is passed over. */
  readonly environments: readonly Pick<EnvironmentInput, 'engine'>[];
  readonly state: StateLocation;
  /** Every environment that there is, so that a plan of one of them gives roles to the same stack as a plan of all. @default `environments` */
  readonly declared?: readonly Pick<EnvironmentInput, 'engine'>[];
  /** `existing` where the accounts have the roles already. @default 'create' */
  readonly serviceLinkedRoles?: 'create' | 'existing';
}

/**
 * What the environments of an account and region share, deployed once before them: the bucket of Terraform's state, the images of workers, the leave of
 * AWS's services to write logs, their roles.
 *
 * It belongs to no environment and is called `bootstrap-ACCOUNT-REGION`; nothing in it can be destroyed by a plan. Its own state begins in a file on this
 * machine and moves into the bucket with the next deployment that names it (`--migrate-state`).
 */
export class BootstrapStack extends AccountStack {
  constructor(scope: Construct, { account, region, state, serviceLinkedRoles = 'create' }: BootstrapStackProps) {
    super(scope, bootstrapStackName({ account, region }), identityOfAccount({ account, region }), state);
    const { keyArn: encryptionKeyArn } = new EncryptionKey(this, 'EncryptionKey');
    const { bucketName } = new StateBucket(this, 'State', { encryptionKeyArn });
    const { repositoryUrl } = new ImageRepository(this, 'Images', { name: 'millrace', encryptionKeyArn });
    new LogDelivery(this, 'LogDelivery');
    if (serviceLinkedRoles === 'create') new ServiceLinkedRoles(this, 'ServiceLinkedRoles');
    new TerraformOutput(this, 'state_bucket', { value: bucketName });
    new TerraformOutput(this, 'image_repository_url', { value: repositoryUrl });
  }
}

/** Name of the stack; `cdktf deploy 'bootstrap-*'` means those of all accounts and regions. */
export function bootstrapStackName({ account, region }: AccountRegion): string {
  return `bootstrap-${account}-${region}`;
}

/**
 * One stack for every account and region in which `environments` stand.
 *
 * An account has one role of each service for all of its regions: the stack of the first region, by name, makes them.
 */
export function defineBootstrap(scope: Construct, options: BootstrapOptions): BootstrapStack[] {
  const { environments, state, declared = environments, serviceLinkedRoles = 'create' } = options;
  const everywhere = accountRegionsOf([...declared, ...environments]);
  return accountRegionsOf(environments).map(({ account, region }) => {
    const first = everywhere.find((other) => other.account === account);
    const theirs = first?.region === region ? serviceLinkedRoles : 'existing';
    return new BootstrapStack(scope, { account, region, state, serviceLinkedRoles: theirs });
  });
}

/** Each pair once, in the order of account and region. */
function accountRegionsOf(environments: readonly Pick<EnvironmentInput, 'engine'>[]): AccountRegion[] {
  const pairs = environments.flatMap(({ engine }) => (engine.kind === 'aws' ? [{ account: engine.account, region: engine.region }] : []));
  const byName = new Map(pairs.map((pair) => [bootstrapStackName(pair), pair]));
  return [...byName.keys()].sort().flatMap((name) => byName.get(name) ?? []);
}

/** An account speaks as an environment that is protected, and has no zones: no server stands in it. */
function identityOfAccount({ account, region }: AccountRegion): EnvironmentIdentity {
  return { name: 'bootstrap', account, region, zones: [], size: 'small', deletionProtection: true, serverLogDays: 365, backupDays: 7 };
}
