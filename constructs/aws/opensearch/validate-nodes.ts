import { isWholeNumber, quoted, type Rule } from '../../core/validate.ts';
import { includedSpeed, largestSpeed } from './disks.ts';
import { isOf, largestDisksGiB, nodeTypeProblem, warmNodeTypes } from './instances.ts';
import type { ResolvedOpenSearch } from './resolve.ts';

const nodeType = /^[a-z0-9]+\.[a-z0-9]+\.search$/;
/** AWS takes smaller and larger volumes for some types only. */
const disksGiB = { smallest: 10, largest: 24_576 };
const mostBurstableNodes = 10;
const warmNodeCount = { least: 2, most: 150 };
const iopsPerMiBps = 4;

const typesInUse = ({ dataNodeType, dedicatedMasters, masterNodeType }: ResolvedOpenSearch): string[] =>
  dedicatedMasters > 0 ? [dataNodeType, masterNodeType] : [dataNodeType];
const malformedTypes = (domain: ResolvedOpenSearch): string[] => typesInUse(domain).filter((type) => !nodeType.test(type));
const impossibleTypes = (domain: ResolvedOpenSearch): string[] => typesInUse(domain).flatMap((type) => nodeTypeProblem(type) ?? []);
const unencryptedTypes = (domain: ResolvedOpenSearch): string[] => typesInUse(domain).filter((type) => isOf('unencrypted', type));
const burstableTypes = (domain: ResolvedOpenSearch): string[] => typesInUse(domain).filter((type) => isOf('burstable', type));
const largestDiskGiB = ({ dataNodeType }: ResolvedOpenSearch): number => largestDisksGiB[dataNodeType] ?? disksGiB.largest;

const dataRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: (domain) => malformedTypes(domain).length > 0,
    message: (domain) => `node types must be of the form m7g.large.search, got ${malformedTypes(domain).map(quoted).join(', ')}`,
  },
  {
    condition: (domain) => impossibleTypes(domain).length > 0,
    message: (domain) =>
      `node types must be ones that AWS has, got ${typesInUse(domain).join(', ')}: ${impossibleTypes(domain).join('; ')}`,
  },
  {
    condition: (domain) => unencryptedTypes(domain).length > 0,
    message: (domain) => `node types must be ones that can be encrypted at rest, got ${unencryptedTypes(domain).join(', ')}`,
  },
  {
    condition: ({ dataNodes }) => !isWholeNumber(dataNodes, 1),
    message: ({ dataNodes }) => `dataNodes must be a whole number of at least 1, got ${dataNodes}`,
  },
  {
    condition: ({ dataNodes, dataNodeType }) => isOf('burstable', dataNodeType) && dataNodes > mostBurstableNodes,
    message: ({ dataNodes, dataNodeType }) => `dataNodes must be at most ${mostBurstableNodes} of ${dataNodeType}, got ${dataNodes}`,
  },
  {
    // Security Hub, Opensearch.6: with two, the loss of one leaves nowhere to put the copies.
    condition: ({ dataNodes, deletionProtection }) => deletionProtection && dataNodes < 3,
    message: ({ dataNodes }) => `dataNodes must be at least 3 where the environment protects against deletion, got ${dataNodes}`,
  },
];

const zoneRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: ({ zones, availableZones }) => zones > availableZones,
    message: ({ zones, availableZones }) => `zones must be at most the ${availableZones} that the network has subnets in, got ${zones}`,
  },
  {
    condition: ({ zones, deletionProtection }) => deletionProtection && zones < 2,
    message: ({ zones }) => `zones must be at least 2 where the environment protects against deletion, got ${zones}`,
  },
  {
    condition: ({ dataNodes, zones }) => zones > 1 && dataNodes % zones !== 0,
    message: ({ dataNodes, zones }) =>
      `dataNodes must be a multiple of the ${zones} zones, so that each holds an equal part, got ${dataNodes}: change it, or zones`,
  },
  {
    condition: ({ standby, zones }) => standby && zones !== 3,
    message: ({ zones }) => `zones must be 3 with standby, got ${zones}`,
  },
  {
    condition: ({ standby, dedicatedMasters }) => standby && dedicatedMasters !== 3,
    message: ({ dedicatedMasters }) => `dedicatedMasters must be 3 with standby, got ${dedicatedMasters}`,
  },
  {
    condition: (domain) => domain.standby && burstableTypes(domain).length > 0,
    message: (domain) => `node types must not be t2 or t3 with standby, got ${burstableTypes(domain).join(', ')}`,
  },
  {
    condition: ({ standby, warmNodes, zones }) => standby && warmNodes % zones !== 0,
    message: ({ warmNodes, zones }) => `warmNodes must be a multiple of the ${zones} zones with standby, got ${warmNodes}`,
  },
];

const masterRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    // Security Hub, Opensearch.11; at the smallest size they would cost more than the data nodes.
    condition: ({ dedicatedMasters, deletionProtection, size }) => deletionProtection && size !== 'small' && dedicatedMasters !== 3,
    message: ({ dedicatedMasters, size }) =>
      `dedicatedMasters must be 3 in a protected environment of size ${size}, got ${dedicatedMasters}`,
  },
  {
    condition: ({ dedicatedMasters, masterNodeType }) => dedicatedMasters > 0 && isOf('burstable', masterNodeType),
    message: ({ masterNodeType }) =>
      `masterNodeType must not be t2 or t3, got ${masterNodeType}: without credits a master misses its deadlines, and the cluster elects another`,
  },
];

const tierRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: ({ warmNodes }) => warmNodes !== 0 && !isWholeNumber(warmNodes, warmNodeCount.least, warmNodeCount.most),
    message: ({ warmNodes }) => `warmNodes must be 0 or from ${warmNodeCount.least} to ${warmNodeCount.most}, got ${warmNodes}`,
  },
  {
    condition: ({ warmNodes, dedicatedMasters }) => warmNodes > 0 && dedicatedMasters === 0,
    message: () => 'dedicatedMasters must be 3 with warm nodes, got 0',
  },
  {
    condition: ({ warmNodes, dataNodeType }) => warmNodes > 0 && isOf('burstable', dataNodeType),
    message: ({ dataNodeType }) => `dataNodeType must not be t2 or t3 with warm nodes, got ${dataNodeType}`,
  },
  {
    condition: ({ warmNodes, warmNodeType }) => warmNodes > 0 && !warmNodeTypes.includes(warmNodeType),
    message: ({ warmNodeType }) => `warmNodeType must be one of ${warmNodeTypes.join(', ')}, got ${quoted(warmNodeType)}`,
  },
  {
    condition: ({ coldStorage, warmNodes }) => coldStorage && warmNodes === 0,
    message: () => 'warmNodes must be at least 2 with cold storage, whose indices are read through them, got 0',
  },
  {
    condition: ({ autoTune, dataNodeType }) => autoTune && isOf('burstable', dataNodeType),
    message: ({ dataNodeType }) => `autoTune must be false for t2 and t3, got true with ${dataNodeType}`,
  },
];

const diskRules: readonly Rule<ResolvedOpenSearch>[] = [
  {
    condition: ({ hasVolume, givenDisk }) => !hasVolume && givenDisk,
    message: ({ dataNodeType }) =>
      `diskGiB, iops and throughputMiBps must be left out for ${dataNodeType}, which has disks of its own, got some`,
  },
  {
    condition: (domain) => domain.hasVolume && !isWholeNumber(domain.diskGiB, disksGiB.smallest, largestDiskGiB(domain)),
    message: (domain) =>
      `diskGiB must be from ${disksGiB.smallest} to ${largestDiskGiB(domain)} for ${domain.dataNodeType}, got ${domain.diskGiB}`,
  },
  {
    condition: ({ hasVolume, iops, diskGiB }) => hasVolume && !isWholeNumber(iops, includedSpeed(diskGiB).iops, largestSpeed(diskGiB).iops),
    message: ({ iops, diskGiB }) =>
      `iops must be from ${includedSpeed(diskGiB).iops} to ${largestSpeed(diskGiB).iops} for ${diskGiB} GiB, got ${iops}`,
  },
  {
    condition: ({ hasVolume, throughputMiBps, diskGiB }) =>
      hasVolume && !isWholeNumber(throughputMiBps, includedSpeed(diskGiB).throughputMiBps, largestSpeed(diskGiB).throughputMiBps),
    message: ({ throughputMiBps, diskGiB }) =>
      `throughputMiBps must be from ${includedSpeed(diskGiB).throughputMiBps} to ${largestSpeed(diskGiB).throughputMiBps} for ${diskGiB} GiB, got ${throughputMiBps}`,
  },
  {
    condition: ({ hasVolume, throughputMiBps, iops }) => hasVolume && throughputMiBps > iops / iopsPerMiBps,
    message: ({ throughputMiBps, iops }) => `iops must be at least ${iopsPerMiBps} for each of the ${throughputMiBps} MiB/s, got ${iops}`,
  },
];

/** What the nodes of a domain and their disks must be. */
export const nodeRules: readonly Rule<ResolvedOpenSearch>[] = [...dataRules, ...zoneRules, ...masterRules, ...tierRules, ...diskRules];
