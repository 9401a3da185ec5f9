import type { Topology } from '../../../contracts/topology.ts';
import type { Body } from './model.ts';

export type Lifecycle = Topology['lifecycles'][string];

/** Where older indices can move. */
export type Tiers = 'none' | 'node-attribute' | 'ultrawarm' | 'ultrawarm-and-cold';

/** What a lifecycle means on one service. */
export interface LifecyclePlan {
  readonly lifecycle: Lifecycle;
  readonly tiers: Tiers;
  /** Where indices are archived to. */
  /** Undefined where nothing is archived. */
  readonly repository: string | undefined;
  /** The fewest that an index under it declares. */
  readonly replicas: number;
}

/** One state of a policy; the next one follows when `until` holds, at once where there is none. */
export interface Phase {
  readonly name: 'hot' | 'warm' | 'cold' | 'archive' | 'delete';
  readonly actions: readonly Body[];
  readonly until?: Body | undefined;
}

/** First state of every lifecycle: the indices that are written to, and those that were until recently. */
export function hotPhase({ hotDays, rolloverDays, rolloverGiB }: Lifecycle): Phase {
  // Whichever comes first.
  const rollover = { min_index_age: days(rolloverDays), min_primary_shard_size: `${rolloverGiB}gb` };
  return { name: 'hot', actions: [{ rollover }], until: sinceRollover(hotDays) };
}

/** Index State Management waits until the snapshot is complete; one that fails keeps the index where it is. */
export function archivePhase(repository: string | undefined, until?: Body): Phase {
  return { name: 'archive', actions: [{ snapshot: { repository, snapshot: '{{ctx.index}}' } }], until };
}

/** An index that was never rolled over has no such age and stays: with an error, not deleted. */
export function sinceRollover(age: number): Body {
  return { min_rollover_age: days(age) };
}

export function days(count: number): string {
  return `${count}d`;
}
