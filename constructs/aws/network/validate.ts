import { listed, type Rule, repeated } from '../../core/validate.ts';
import { parseRange } from './ranges.ts';
import type { ResolvedNetwork } from './resolve.ts';

const outside = ({ zones, region }: ResolvedNetwork): string[] =>
  zones.filter((zone) => !zone.startsWith(region) || !/^[a-z]$/.test(zone.slice(region.length)));
const misnamed = ({ interfaceEndpoints }: ResolvedNetwork): string[] =>
  interfaceEndpoints.filter((name) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name));

/** What a network must be. */
export const networkRules: readonly Rule<ResolvedNetwork>[] = [
  {
    condition: ({ cidr }) => {
      const prefix = parseRange(cidr)?.prefix ?? 0;
      return prefix < 16 || prefix > 22;
    },
    message: ({ cidr }) => `cidr must be an IPv4 range of /16 to /22 such as 10.20.0.0/16, got ${JSON.stringify(cidr)}`,
  },
  {
    condition: ({ zones }) => zones.length < 2 || zones.length > 6,
    message: ({ zones }) => `zones must be two to six, so that one can fail, got ${listed(zones)}`,
  },
  {
    condition: ({ zones }) => repeated(zones).length > 0,
    message: ({ zones }) => `zones must be different, got ${listed(repeated(zones))} twice`,
  },
  {
    condition: (network) => outside(network).length > 0,
    message: (network) => `zones must be of ${network.region} such as ${network.region}a, got ${listed(outside(network))}`,
  },
  {
    condition: (network) => misnamed(network).length > 0,
    message: (network) => `interfaceEndpoints must be last parts of endpoint names such as ecr.dkr, got ${listed(misnamed(network))}`,
  },
  {
    condition: ({ interfaceEndpoints }) => repeated(interfaceEndpoints).length > 0,
    message: ({ interfaceEndpoints }) => `interfaceEndpoints must be different, got ${listed(repeated(interfaceEndpoints))} twice`,
  },
  {
    condition: ({ interfaceEndpoints }) => interfaceEndpoints.includes('s3'),
    message: () => 'interfaceEndpoints must not hold s3, got s3: its gateway endpoint is always there and costs nothing',
  },
];
