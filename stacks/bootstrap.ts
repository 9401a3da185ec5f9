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
}

export interface BootstrapOptions {
  /** Those that are planned; what does not stand on AWS is passed over. */
  readonly environments: readonly Pick<EnvironmentInput, 'engine'>[];
  readonly state: StateLocation;
  /** Every environment that there is, so that a plan of one of them keeps the state of its account where a plan of all does. @default `environments` */
  readonly declared?: readonly Pick<EnvironmentInput, 'engine'>[];
}

/**
 * What the environments of an account and region share, deployed once before them: the bucket of Terraform's state, the images of workers, the leave of
 * AWS's services to write logs.
 *
 * It belongs to no environment and is called `bootstrap-ACCOUNT-REGION`; nothing in it can be destroyed by a plan. Its own state begins in a file on this
 * machine and moves into the bucket with the next deployment that names it (`--migrate-state`).
 */
class BootstrapStack extends AccountStack {
  constructor(scope: Construct, { account, region, state }: BootstrapStackProps) {
    super(scope, bootstrapStackName({ account, region }), identityOfAccount({ account, region }), state);
    const { keyArn: encryptionKeyArn } = new EncryptionKey(this, 'EncryptionKey');
    const { bucketName } = new StateBucket(this, 'State', { encryptionKeyArn });
    const { repositoryUrl } = new ImageRepository(this, 'Images', { name: 'millrace', encryptionKeyArn });
    new LogDelivery(this, 'LogDelivery');
    new TerraformOutput(this, 'state_bucket', { value: bucketName });
    new TerraformOutput(this, 'image_repository_url', { value: repositoryUrl });
  }
}

/**
 * What an account has once for all of its regions: the roles of AWS's services.
 *
 * It belongs to no environment and is called `bootstrap-ACCOUNT`. IAM is of no region; `region` is the one whose bucket keeps the state. Should that become
 * another one, a new state takes over what is there, and nothing is made twice or deleted.
 */
class AccountBootstrapStack extends AccountStack {
  constructor(scope: Construct, { account, region, state }: BootstrapStackProps) {
    super(scope, `bootstrap-${account}`, identityOfAccount({ account, region }), state);
    new ServiceLinkedRoles(this, 'ServiceLinkedRoles');
  }
}

/** Name of the stack; `cdktf deploy 'bootstrap-*'` means those of all accounts and regions. */
function bootstrapStackName({ account, region }: AccountRegion): string {
  return `bootstrap-${account}-${region}`;
}

/** One stack for every account in which `environments` stand, and one for every region of it. */
export function defineBootstrap(scope: Construct, { environments, state, declared = environments }: BootstrapOptions): AccountStack[] {
  const everywhere = accountRegionsOf([...declared, ...environments]);
  const wanted = accountRegionsOf(environments);
  const firsts = everywhere.filter(({ account }, index) => everywhere.findIndex((other) => other.account === account) === index);
  const accounts = firsts.filter(({ account }) => wanted.some((pair) => pair.account === account));
  return [
    ...accounts.map((pair) => new AccountBootstrapStack(scope, { ...pair, state })),
    ...wanted.map((pair) => new BootstrapStack(scope, { ...pair, state })),
  ];
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
