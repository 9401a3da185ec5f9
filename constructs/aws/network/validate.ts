import { isRangeBetween, overlaps } from '../../../environments/ranges.ts';
import { isZoneOf } from '../../../environments/zones.ts';
import { differentRule } from '../../core/rules.ts';
import { listed, quoted, type Rule, repeated } from '../../core/validate.ts';
import type { ResolvedNetwork } from './resolve.ts';

const outside = ({ zones, region }: ResolvedNetwork): string[] => zones.filter((zone) => !isZoneOf(zone, region));
const overlapping = ({ cidr, peers }: ResolvedNetwork): string[] =>
  overlaps([cidr, ...peers.map((peer) => peer.cidr)]).map((pair) => pair.join(' and '));
const peerVpcs = ({ peers }: ResolvedNetwork): string[] => peers.map(({ vpcId }) => vpcId);
const unreachable = ({ peers }: ResolvedNetwork): string[] => peers.map(({ cidr }) => cidr).filter((cidr) => !isRangeBetween(cidr, 16, 28));
const withoutWayBack = ({ peers }: ResolvedNetwork): string[] =>
  peers.filter(({ routeTableIds }) => routeTableIds.length === 0).map(({ vpcId }) => vpcId);
const misnamed = ({ interfaceEndpoints }: ResolvedNetwork): string[] =>
  interfaceEndpoints.filter((name) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name));

/** What a network must be. */
export const networkRules: readonly Rule<ResolvedNetwork>[] = [
  {
    condition: ({ cidr }) => !isRangeBetween(cidr, 16, 22),
    message: ({ cidr }) => `cidr must be an IPv4 range of /16 to /22 such as 10.20.0.0/16, got ${quoted(cidr)}`,
  },
  {
    condition: ({ zones }) => zones.length < 2 || zones.length > 6,
    message: ({ zones }) => `zones must be two to six, so that one can fail, got ${listed(zones)}`,
  },
  differentRule('zones'),
  {
    condition: (network) => outside(network).length > 0,
    message: (network) => `zones must be of ${network.region} such as ${network.region}a, got ${listed(outside(network))}`,
  },
  {
    condition: (network) => misnamed(network).length > 0,
    message: (network) => `interfaceEndpoints must be last parts of endpoint names such as ecr.dkr, got ${listed(misnamed(network))}`,
  },
  differentRule('interfaceEndpoints'),
  {
    condition: ({ interfaceEndpoints }) => interfaceEndpoints.includes('s3'),
    message: () => 'interfaceEndpoints must not hold s3, got s3: its gateway endpoint is always there and costs nothing',
  },
  {
    // No peer is the world: a route to it must lead to one VPC.
    condition: (network) => unreachable(network).length > 0,
    message: (network) => `ranges of peers must be IPv4 ranges of /16 to /28, got ${listed(unreachable(network))}`,
  },
  {
    condition: (network) => overlapping(network).length > 0,
    message: (network) =>
      `ranges of peers must overlap neither with each other nor with the network's own, got ${listed(overlapping(network))}`,
  },
  {
    condition: (network) => repeated(peerVpcs(network)).length > 0,
    message: (network) => `peers must be different, got ${listed(repeated(peerVpcs(network)))} twice`,
  },
  {
    condition: (network) => withoutWayBack(network).length > 0,
    message: (network) => `peers must have a route table for the way back, got none of ${listed(withoutWayBack(network))}`,
  },
];
