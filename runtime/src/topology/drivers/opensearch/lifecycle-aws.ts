import { archivePhase, days, hotPhase, type LifecyclePlan, type Phase, sinceRollover } from './phases.ts';

/** Migrations take long and queue up; as in the samples of AWS. */
const retry = { count: 5, backoff: 'exponential', delay: '1h' };

/** Field whose range cold storage records; documents of data streams always have it. */
export const timestampField = '@timestamp';

/**
 * A lifecycle on Amazon OpenSearch Service: hot, archived, UltraWarm, cold storage, deleted; without the tiers that the domain does not have.
 *
 * The snapshot is taken while the index is hot: one of a warm index can hold no other, and cold ones cannot be in a snapshot. What leaves hot storage cannot be
 * searched as fast, and in cold storage not at all before it is attached again.
 *
 * After a migration ages are counted from the creation of the index, the longest time before its roll-over added: cold indices are not in the cluster's state,
 * where the roll-over is noted, and a condition on its age would fail. So nothing goes earlier than declared, and at most `rolloverDays` later.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ultrawarm.html#ultrawarm-manual-snapshot
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ism.html
 */
export function awsPhases({ lifecycle, tiers, repository }: LifecyclePlan): readonly Phase[] {
  const { warmDays, deleteDays, archive, rolloverDays } = lifecycle;
  const hasWarm = tiers.startsWith('ultrawarm') && warmDays !== undefined;
  const hasCold = hasWarm && tiers === 'ultrawarm-and-cold' && lifecycle.coldDays !== undefined;
  const sinceCreation = (age: number) => ({ min_index_age: days(age + rolloverDays) });
  const phases: Phase[] = [
    hotPhase(lifecycle),
    ...(archive ? [archivePhase(repository)] : []),
    ...(hasWarm ? [{ name: 'warm', actions: [{ warm_migration: {}, retry }], until: sinceCreation(warmDays) } as const] : []),
    ...(hasCold ? [{ name: 'cold', actions: [{ cold_migration: { timestamp_field: timestampField }, retry }] } as const] : []),
  ];
  const last = phases.pop()!;
  const until = hasWarm ? sinceCreation(deleteDays) : sinceRollover(deleteDays);
  return [...phases, { ...last, until }, { name: 'delete', actions: [hasCold ? { cold_delete: {} } : { delete: {} }] }];
}
