import { isWholeNumber, listed, quoted, type Rule } from '../../core/validate.ts';
import type { ResolvedMsk } from './resolve.ts';
import { isSettable, replicationProperties, retentionProperties, type ServerProperty } from './server-properties.ts';

/**
 * Smallest segment that goes to cheaper storage.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-guidelines-tiered-storage-topic-level-config.html
 */
const leastTieredSegmentBytes = 48 * 1_024 * 1_024;

const given = ({ givenProperties }: ResolvedMsk, name: ServerProperty): string | undefined =>
  givenProperties[name] === undefined ? undefined : String(givenProperties[name]);
const refused = ({ givenProperties, express }: ResolvedMsk): string[] =>
  Object.keys(givenProperties).filter((name) => !isSettable(name, express) && !reserved.includes(name));
const reserved: readonly string[] = replicationProperties;
const replication = ({ givenProperties }: ResolvedMsk): string[] => Object.keys(givenProperties).filter((name) => reserved.includes(name));
const brokenLines = ({ givenProperties }: ResolvedMsk): string[] =>
  Object.entries(givenProperties)
    .filter(([, value]) => /[\r\n]/.test(String(value)))
    .map(([name]) => name);

/** What server properties may say; what would lose data or stop producers is refused. */
export const propertyRules: readonly Rule<ResolvedMsk>[] = [
  {
    condition: (msk) => refused(msk).length > 0,
    message: (msk) =>
      `serverProperties must be some that MSK lets one set${msk.express ? ' on Express brokers' : ''}, got ${refused(msk).map(quoted).join(', ')}`,
  },
  {
    condition: (msk) => replication(msk).length > 0,
    message: (msk) =>
      `serverProperties must not hold ${listed(replication(msk))}, got it: overrides.replicationFactor and overrides.minInSyncReplicas decide`,
  },
  {
    condition: (msk) => given(msk, 'unclean.leader.election.enable') === 'true',
    message: () => 'unclean.leader.election.enable must be false, got true: such a leader has lost acknowledged messages',
  },
  {
    condition: (msk) => given(msk, 'auto.create.topics.enable') === 'true',
    message: () => 'auto.create.topics.enable must be false, got true: topics come from the topology',
  },
  {
    condition: (msk) => retentionProperties.filter((name) => given(msk, name) !== undefined).length > 1,
    message: (msk) =>
      `serverProperties must hold one of ${retentionProperties.join(', ')}, got ${retentionProperties.filter((name) => given(msk, name) !== undefined).join(', ')}`,
  },
  {
    condition: (msk) => given(msk, 'num.partitions') !== undefined && !isWholeNumber(Number(given(msk, 'num.partitions')), 1),
    message: (msk) => `num.partitions must be at least 1, got ${given(msk, 'num.partitions')}`,
  },
  {
    condition: (msk) => msk.tieredStorage && (given(msk, 'log.cleanup.policy') ?? 'delete') !== 'delete',
    message: (msk) => `log.cleanup.policy must be delete with tieredStorage, got ${quoted(given(msk, 'log.cleanup.policy'))}`,
  },
  {
    condition: (msk) => msk.tieredStorage && Number(given(msk, 'log.segment.bytes') ?? leastTieredSegmentBytes) < leastTieredSegmentBytes,
    message: (msk) =>
      `log.segment.bytes must be at least ${leastTieredSegmentBytes} with tieredStorage, got ${given(msk, 'log.segment.bytes')}`,
  },
  {
    condition: (msk) => brokenLines(msk).length > 0,
    message: (msk) => `serverProperties must have values of one line, got more for ${listed(brokenLines(msk))}`,
  },
];
