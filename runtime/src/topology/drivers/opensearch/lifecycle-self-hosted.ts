import { archivePhase, hotPhase, type LifecyclePlan, type Phase, sinceRollover } from './phases.ts';

/**
 * A lifecycle on servers of one's own: hot, warm on the nodes with `node.attr.temp: warm` where there are such, cold and read-only, archived, deleted.
 *
 * All of it stays searchable to the end. The snapshot is taken when the last phase is over, so that what was corrected before is corrected there as well.
 *
 * @see https://docs.opensearch.org/latest/im-plugin/ism/policies/
 */
export function selfHostedPhases({ lifecycle, tiers, repository, replicas }: LifecyclePlan): readonly Phase[] {
  const { warmDays, coldDays, deleteDays, archive } = lifecycle;
  const phases: Phase[] = [
    hotPhase(lifecycle),
    ...(warmDays === undefined ? [] : [{ name: 'warm', actions: warmActions(tiers, replicas), until: sinceRollover(warmDays) } as const]),
    ...(coldDays === undefined ? [] : [{ name: 'cold', actions: [{ read_only: {} }], until: sinceRollover(coldDays) } as const]),
    ...(archive ? [archivePhase(repository)] : []),
  ];
  const last = phases.pop()!;
  return [...phases, { ...last, until: sinceRollover(deleteDays) }, { name: 'delete', actions: [{ delete: {} }] }];
}

/** Nothing is written any more: one copy is enough, and one segment is read faster than many. */
function warmActions(tiers: LifecyclePlan['tiers'], replicas: number) {
  return [
    ...(tiers === 'node-attribute' ? [{ allocation: { require: { temp: 'warm' } } }] : []),
    { replica_count: { number_of_replicas: Math.min(1, replicas) } },
    { force_merge: { max_num_segments: 1 } },
  ];
}
