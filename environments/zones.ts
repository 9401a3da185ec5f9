import type { Environment } from './declaration.ts';

type AwsEngine = Extract<Environment['engine'], { kind: 'aws' }>;

/** The zones an environment stands in, in the order of its private subnets: those of the subnets that exist, those declared, or a, b and c. */
export function zonesOf({
  network,
  availabilityZones,
  region,
}: Pick<AwsEngine, 'network' | 'availabilityZones' | 'region'>): readonly string[] {
  if (network.kind === 'existing') return network.privateSubnets.map(({ zone }) => zone);
  return availabilityZones ?? ['a', 'b', 'c'].map((letter) => `${region}${letter}`);
}

/** Whether `zone` is one of `region`, `eu-central-1a`; no region has more than eight, and a network of ours has a place for each. */
export function isZoneOf(zone: string, region: string): boolean {
  return zone.startsWith(region) && /^[a-h]$/.test(zone.slice(region.length));
}
