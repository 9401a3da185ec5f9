import { resolveSettings } from '../../../environments/size.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, globalArnOf, resourceName } from '../../core/naming.ts';
import { bucketNameOf } from '../foundation/bucket.ts';
import { includedSpeed } from './disks.ts';
import { isOf } from './instances.ts';
import type { OpenSearchProps } from './props.ts';
import { defaultVersion } from './versions.ts';

/** The defaults of those props that are plain values. */
const defaults = { standby: false, offPeakStart: '20:00', snapshotBucket: true } as const satisfies Partial<OpenSearchProps>;

/** Requests may name indices in their bodies: access control within the domain looks at each of them, and bulk requests could not do without. */
const defaultOptions = { 'rest.action.multi.allow_explicit_index': 'true' };

/** Everything about a domain, decided. */
export type ResolvedOpenSearch = ReturnType<typeof resolveOpenSearch>;

/** The settings of a domain with every default: the size's, the instances', the environment's. */
export function resolveOpenSearch(props: OpenSearchProps, identity: EnvironmentIdentity) {
  const { service, overrides, network } = props;
  const domainName = resourceName(identity, service);
  const settings = settingsOf(props, identity);
  const zones = props.zones ?? Math.min(3, network.privateSubnetIds.length, settings.dataNodes);
  const included = includedSpeed(settings.diskGiB);
  const tunable = !isOf('burstable', settings.dataNodeType);
  const snapshotPurpose = `${service}-backup`;
  return {
    ...defaults,
    ...props,
    ...settings,
    size: identity.size,
    deletionProtection: identity.deletionProtection,
    backupDays: identity.backupDays,
    domainName,
    domainArn: arnOf(identity, 'es', `domain/${domainName}`),
    version: overrides?.version ?? defaultVersion,
    upgradeFrom: overrides?.upgradeFrom ?? props.upgradeFrom,
    zones,
    availableZones: network.privateSubnetIds.length,
    subnetIds: network.privateSubnetIds.slice(0, zones),
    iops: props.iops ?? included.iops,
    throughputMiBps: props.throughputMiBps ?? included.throughputMiBps,
    /** Types with disks of their own take no volume. */
    hasVolume: !isOf('withOwnDisks', settings.dataNodeType),
    givenDisk: props.iops !== undefined || props.throughputMiBps !== undefined || overrides?.diskGiB !== undefined,
    tunable,
    autoTune: overrides?.autoTune ?? props.autoTune ?? tunable,
    advancedOptions: { ...defaultOptions, ...props.advancedOptions },
    accountRootArn: globalArnOf(identity, 'iam', 'root', identity.account),
    masterRolePrincipals: props.masterRolePrincipals ?? [globalArnOf(identity, 'iam', 'root', identity.account)],
    snapshotPurpose,
    snapshotBucketName: bucketNameOf(identity, snapshotPurpose),
  };
}

function settingsOf({ role, overrides }: OpenSearchProps, { size }: EnvironmentIdentity) {
  const declared = { kind: 'opensearch' as const, role, ...(overrides === undefined ? {} : { overrides }) };
  return resolveSettings<'opensearch'>(declared, { size, engine: { kind: 'aws' } });
}
