import { resolveSettings } from '../../../environments/size.ts';
import type { EnvironmentIdentity } from '../../core/identity.ts';
import { parameterName, resourceName } from '../../core/naming.ts';
import { lastingSubnets } from '../../core/subnets.ts';
import type { AmazonMqProps } from './props.ts';
import type { RabbitVersion } from './versions.ts';

const newest: RabbitVersion = '4.2';

/** Defaults that are plain values. */
const defaults = {
  username: 'millrace',
  configuration: {},
  maintenanceStart: 'sun:04:00',
  adoptedLogs: [] as readonly string[],
} as const satisfies Partial<AmazonMqProps>;

/** Everything about a broker, decided. */
export type ResolvedAmazonMq = ReturnType<typeof resolveAmazonMq>;

/** The settings of a broker with every default: the size's, the environment's. */
export function resolveAmazonMq(props: AmazonMqProps, identity: EnvironmentIdentity) {
  const { service, role, overrides, network } = props;
  const declared = { kind: 'rabbitmq' as const, role, ...(overrides === undefined ? {} : { overrides }) };
  const { instanceType, nodes } = resolveSettings<'rabbitmq'>(declared, { size: identity.size, engine: { kind: 'aws' } });
  const version: RabbitVersion = overrides?.version ?? newest;
  const brokerName = resourceName(identity, service);
  const mayStop = overrides?.applyImmediately ?? props.applyImmediately ?? !identity.deletionProtection;
  return {
    ...defaults,
    subnetIds: nodes === 1 ? network.privateSubnetIds.slice(0, 1) : lastingSubnets(network.privateSubnetIds),
    ...props,
    applyImmediately: mayStop,
    passwordGeneration: overrides?.passwordGeneration ?? props.passwordGeneration ?? 1,
    configurationName: props.configurationName,
    /** What the name of the configuration begins with where none is given. */
    configurationStem: `${brokerName}-${version.replace('.', '-')}`,
    instanceType,
    nodes,
    version,
    brokerName,
    secretName: parameterName(identity, service, 'admin'),
    deploymentMode: nodes === 1 ? ('SINGLE_INSTANCE' as const) : ('CLUSTER_MULTI_AZ' as const),
    size: identity.size,
    deletionProtection: identity.deletionProtection,
  };
}
