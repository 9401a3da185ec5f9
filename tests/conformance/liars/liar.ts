import type { Topology } from '../../../runtime/src/contracts/topology.ts';
import type { Lie } from '../lies.ts';

/** A driver that breaks one promise. */
export interface Liar {
  /** Name of the check that finds it out. */
  readonly check: string;
  /** What it does; a clause. */
  readonly does: string;
  /** Of the sentence that the check fails with. */
  readonly foundOut: RegExp;
  /** Made for each run; the transports of a run share it. */
  lie(): Lie;
  /** Opens its transports with another topology than it was given. */
  readonly topology?: (topology: Topology) => Topology;
}

/** What a check says that has waited for an event in vain. */
export const never = /never delivered/;

/** The result of a publisher that has done nothing. */
export const published = { status: 'published', position: '0-0' } as const;
