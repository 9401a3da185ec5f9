import type { EnvironmentIdentity } from '../../core/identity.ts';
import { globalArnOf } from '../../core/naming.ts';
import type { NetworkProps } from './props.ts';
import { subnetRanges } from './ranges.ts';

const defaultInterfaceEndpoints = ['secretsmanager', 'ssm', 'logs', 'kms'];

/** Everything about a network, decided. */
export interface ResolvedNetwork {
  readonly cidr: string;
  readonly region: string;
  readonly zones: readonly string[];
  /** Ranges of the private subnets, one a zone in the order of the zones. */
  readonly privateRanges: readonly string[];
  readonly interfaceEndpoints: readonly string[];
  readonly readableBucketArns: readonly string[];
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
    privateRanges: subnetRanges(props.cidr, zones.length),
    interfaceEndpoints: props.interfaceEndpoints ?? defaultInterfaceEndpoints,
    readableBucketArns: props.readableBucketArns ?? [globalArnOf(identity, 's3', `prod-${identity.region}-starport-layer-bucket/*`)],
    flowLogs: props.flowLogs ?? true,
    encryptionKeyArn: props.encryptionKeyArn,
  };
}
