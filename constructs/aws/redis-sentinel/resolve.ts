import { resolveSettings } from '../../../environments/size.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { globalArnOf, parameterName } from '../../core/naming.ts';
import { bucketNameOf } from '../foundation/bucket.ts';
import { instanceMemoryMiB } from './instance-types.ts';
import type { RedisSentinelProps } from './props.ts';

/** One master and two replicas, a sentinel beside each: the least that still has a replica, and a majority, after the loss of a zone. */
const nodeCount = 3;

/** Where one machine of the set stands, and what it is called. */
export interface SentinelPlace {
  /** Counted from 1. */
  readonly number: number;
  /** `events-1`. */
  readonly name: string;
  /** `node-1.events.staging.millrace.internal`. */
  readonly host: string;
  readonly availabilityZone: string;
  readonly subnetId: string;
}

/** Bucket of the environment whose documents hold no secret; it comes with the topology, after the machines. */
export const documentsPurpose = 'documents';

/** Where the machines of a set find what users of the topology may do: a JSON object, the rules of each by its name. */
export function usersDocumentOf(identity: EnvironmentIdentity, service: string) {
  const bucket = bucketNameOf(identity, documentsPurpose);
  return { bucket, bucketArn: globalArnOf(identity, 's3', bucket), key: `redis-users/${service}.json` };
}

/** Everything about a set, decided. */
export type ResolvedRedisSentinel = ReturnType<typeof resolveRedisSentinel>;

/** The settings of a set with every default: the size's, the environment's. */
export function resolveRedisSentinel(props: RedisSentinelProps, identity: EnvironmentIdentity) {
  const { service, role, overrides, network } = props;
  const declared = { kind: 'redis-sentinel' as const, role, ...(overrides === undefined ? {} : { overrides }) };
  const settings = resolveSettings<'redis-sentinel'>(declared, { size: identity.size, engine: { kind: 'aws' } });
  // A zone for each set, not one for the environment: a VPC refuses two zones of one name, and sets may share a VPC.
  const zoneName = `${service}.${identity.name}.millrace.internal`;
  return {
    ports: { redis: 6_379, sentinel: 26_379 },
    users: [],
    backup: { snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: identity.backupDays },
    ...props,
    ...settings,
    deletionProtection: identity.deletionProtection,
    masterName: service,
    /** What names of secrets of the topology's users begin with. */
    userSecrets: parameterName(identity, service, 'user', ''),
    usersDocument: usersDocumentOf(identity, service),
    machineMemoryMiB: instanceMemoryMiB(settings.instanceType),
    imageId: overrides?.imageId,
    zoneName,
    places: placesOf(service, zoneName, identity.zones, network.privateSubnetIds),
  };
}

function placesOf(service: string, zoneName: string, zones: readonly string[], subnetIds: readonly string[]): SentinelPlace[] {
  const count = Math.min(nodeCount, new Set(zones).size, new Set(subnetIds).size);
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    name: `${service}-${index + 1}`,
    host: `node-${index + 1}.${zoneName}`,
    availabilityZone: zones[index]!,
    subnetId: subnetIds[index]!,
  }));
}
