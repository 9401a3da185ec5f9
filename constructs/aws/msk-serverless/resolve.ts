import type { EnvironmentIdentity } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { lastingSubnets } from '../../core/subnets.ts';
import type { MskServerlessProps } from './props.ts';

/** Everything about a serverless cluster, decided. */
export type ResolvedMskServerless = ReturnType<typeof resolveMskServerless>;

/** The settings of a serverless cluster with every default. */
export function resolveMskServerless(props: MskServerlessProps, identity: EnvironmentIdentity) {
  const { serverless: _serverless, ...unknown } = props.overrides ?? {};
  return {
    ...props,
    clusterName: resourceName(identity, props.service),
    subnetIds: lastingSubnets(props.network.privateSubnetIds),
    /** Overrides that only a cluster with brokers of its own can have. */
    brokerOverrides: Object.entries(unknown)
      .filter(([, value]) => value !== undefined)
      .map(([name]) => name),
  };
}
