import type { Change } from '../../driver.ts';

/** Settings that are declared; whatever else is set for a topic is left as it is. */
export const declaredSettings = ['cleanup.policy', 'max.message.bytes', 'retention.ms'] as const;
export type DeclaredSetting = (typeof declaredSettings)[number];

/** What Kafka is to have of a topic. Copies and how many of them must be in sync are the cluster's defaults, decided once with its size. */
export interface DeclaredTopic {
  readonly name: string;
  readonly partitions: number;
  /** Events of a key must stay in order, hence in one partition. */
  readonly ordered: boolean;
  readonly settings: Readonly<Record<DeclaredSetting, string>>;
}

/** Settings that are not declared, and may weaken what is. */
export const watchedSettings = ['min.insync.replicas', 'retention.bytes', 'unclean.leader.election.enable'] as const;
export type WatchedSetting = (typeof watchedSettings)[number];

/** A topic as the cluster has it. */
export interface LiveTopic {
  readonly name: string;
  readonly partitions: number;
  /** Of the partition that has the fewest. */
  readonly copies: number;
  /** As they are in force, by name: those that are declared or watched. Empty for topics that are not declared. */
  readonly settings: Readonly<Record<string, string>>;
  /** What would hold without the topic's own, for those settings that it has of its own. */
  readonly overridden: Readonly<Record<string, string>>;
}

/** What a topic becomes of which nothing is said. */
export interface ClusterDefaults {
  /** Undefined where the user may not look at brokers, or they do not tell. */
  readonly copies: number | undefined;
}

/** What a change may cost; how much, the offsets tell. */
export type Risk =
  | { readonly kind: 'delete' }
  | { readonly kind: 'replace'; readonly reason: string }
  | { readonly kind: 'move-keys'; readonly from: number; readonly to: number }
  | { readonly kind: 'shorten'; readonly retentionMs: number };

/** A change of one topic whose messages have not been counted yet. */
export interface PlannedChange {
  readonly topic: string;
  readonly change: Change;
  readonly risks: readonly Risk[];
}
