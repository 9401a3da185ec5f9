import type { EnvironmentIdentity } from '../../core/identity.ts';
import { globalArnOf } from '../../core/naming.ts';
import type { NetworkPeer, NetworkProps } from './props.ts';
import { subnetRange } from './ranges.ts';

/** What every process of an environment needs: its binding, its secrets, its log. */
export const defaultInterfaceEndpoints: readonly string[] = ['secretsmanager', 'ssm', 'logs', 'kms'];

/** Buckets of Amazon that machines and containers read, by region. @see https://docs.aws.amazon.com/linux/al2023/ug/managing-repos-os-updates.html */
const defaultReadableBuckets = [
  (region: string) => `prod-${region}-starport-layer-bucket`,
  (region: string) => `al2023-repos-${region}-de612dc2`,
];

/** Everything about a network, decided. */
export interface ResolvedNetwork {
  readonly cidr: string;
  readonly region: string;
  readonly zones: readonly string[];
  /** Ranges of the private subnets, one a zone in the order of the zones. */
  readonly privateRanges: readonly string[];
  readonly interfaceEndpoints: readonly string[];
  readonly readableBucketArns: readonly string[];
  readonly peers: readonly NetworkPeer[];
  readonly flowLogs: boolean;
  readonly encryptionKeyArn: string;
}

/** The settings of a network with every default. */
export function resolveNetwork(props: NetworkProps, identity: EnvironmentIdentity): ResolvedNetwork {
  const zones = props.zones ?? identity.zones;
  return {
    cidr: props.cidr,
    region: identity.region,
    zones,
    privateRanges: zones.map((zone) => subnetRange(props.cidr, zone)),
    interfaceEndpoints: props.interfaceEndpoints ?? defaultInterfaceEndpoints,
    readableBucketArns:
      props.readableBucketArns ?? defaultReadableBuckets.map((bucket) => globalArnOf(identity, 's3', `${bucket(identity.region)}/*`)),
    peers: props.peers ?? [],
    flowLogs: props.flowLogs ?? true,
    encryptionKeyArn: props.encryptionKeyArn,
  };
}
