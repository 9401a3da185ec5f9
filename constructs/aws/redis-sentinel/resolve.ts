import { resolveSettings } from '../../../environments/size.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
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
    backup: { snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: identity.backupDays },
    ...props,
    ...settings,
    deletionProtection: identity.deletionProtection,
    masterName: service,
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
