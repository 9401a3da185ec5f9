import { carriedBy, type Topic } from '../../runtime/src/contracts/topology.ts';
import type { ServiceDeclaration } from '../declaration.ts';
import { type ResolvedSettings, resolveSettings } from '../size.ts';
import { bytesPerGiB, type Contribution, type Estimate, type Estimated, estimateOf } from './estimate.ts';

/** What a record takes besides its event, at most: a batch of its own (61 bytes), its key and the names of eleven attributes as headers. Encoded: 236. */
const bytesPerRecord = 240;
/** Above 85 % the alert on the disk fires. */
const usableShare = 0.85;
/**
 * A segment is deleted as a whole, when its last record is old enough; it is closed after a week, or at 1 GiB.
 *
 * @see https://kafka.apache.org/documentation/#topicconfigs_segment.ms
 */
const segment = { hours: 7 * 24, bytes: bytesPerGiB };

/** What topics keep on the disk of each broker, copies included and uncompressed. */
export function kafkaEstimates(environment: Estimated): Estimate[] {
  return Object.entries(environment.services).flatMap(([service, declaration]) => {
    const topics = carriedBy(environment.topology, 'kafka', service);
    if (declaration.kind !== 'kafka' || topics.length === 0) return [];
    const settings = resolveSettings<'kafka'>(declaration, environment);
    const contributions = topics.flatMap(([name, topic]) => contributionOf(name, topic, settings));
    const disk = diskOf(declaration, settings, environment);
    const allowedBytes = disk === undefined ? undefined : disk.giB * bytesPerGiB * usableShare;
    const allowance = disk === undefined ? 'as much as there is' : `85 % of its ${disk.giB.toLocaleString('en')} GiB`;
    const place = { service, place: 'on the disk of each broker', allowedBytes, allowance };
    const larger = (needed: number) => `overrides.${disk?.setting} to at least ${Math.ceil(needed / usableShare / bytesPerGiB)}`;
    return [estimateOf(place, contributions, larger)];
  });
}

/** A topic of few partitions does not reach every broker, so those that it reaches hold more of it. */
function contributionOf(name: string, topic: Topic, { brokers, replicationFactor }: ResolvedSettings<'kafka'>): Contribution[] {
  const { volume, partitions, retentionHours } = topic;
  if (volume === undefined) return [];
  const bytesPerHour = (volume.eventsPerDay * (volume.averageBytes + bytesPerRecord)) / 24;
  const segmentHours = Math.min(segment.hours, (segment.bytes * partitions) / bytesPerHour);
  const holders = Math.min(brokers, partitions * replicationFactor);
  const bytesPerUnit = (bytesPerHour * replicationFactor) / holders;
  const period = { path: `topology.topics.${name}.retentionHours`, length: retentionHours, least: 1, bytesPerUnit };
  return [{ name, bytes: bytesPerUnit * (retentionHours + segmentHours), period }];
}

interface Disk {
  readonly giB: number;
  readonly setting: 'diskGiB' | 'maxDiskGiB';
}

/** Disks of MSK grow by themselves; Serverless and Express have none to size. */
function diskOf(
  { overrides }: Extract<ServiceDeclaration, { kind: 'kafka' }>,
  { diskGiB, maxDiskGiB, brokerType }: ResolvedSettings<'kafka'>,
  { engine }: Estimated,
): Disk | undefined {
  if (engine.kind !== 'aws') return { giB: diskGiB, setting: 'diskGiB' };
  if (overrides?.serverless === true || brokerType.startsWith('express.')) return undefined;
  return { giB: Math.max(diskGiB, maxDiskGiB), setting: 'maxDiskGiB' };
}
