import { isLasting } from './errors.ts';
import type { MemberEvents } from './group-member.ts';

/** What a consumer is doing. */
export interface KafkaConsumerStatus {
  /** `joining` until the group has given it partitions (or none), `rebuilding` between two lives. */
  readonly state: 'joining' | 'consuming' | 'rebuilding' | 'closed';
  /** Partitions by topic; empty unless `consuming`. */
  readonly assigned: Readonly<Record<string, readonly number[]>>;
  /** How often it was built anew. */
  readonly rebuilds: number;
  readonly lastError: string | undefined;
}

/** What is known of a consumer over all its lives. */
export interface LifeSigns extends MemberEvents {
  failed(reason: Error): void;
  /** Since it last consumed; at least 1. */
  failures(): number;
  /** Of the last membership, ended or not. */
  memberId(): string | undefined;
  isLasting(): boolean;
  rebuilding(): void;
  status(): KafkaConsumerStatus;
  close(): void;
}

export function lifeSigns(): LifeSigns {
  let state: KafkaConsumerStatus['state'] = 'joining';
  let assigned: KafkaConsumerStatus['assigned'] = {};
  let last: Error | undefined;
  let memberId: string | undefined;
  let rebuilds = 0;
  let failures = 0;
  let movedAt = performance.now();
  const moved = (): void => {
    movedAt = performance.now();
    if (state === 'consuming') failures = 0;
  };
  return {
    moved,
    joined(id, partitions) {
      memberId = id;
      state = 'consuming';
      assigned = partitions;
    },
    failed(reason) {
      if (state !== 'closed') state = 'rebuilding';
      assigned = {};
      last = reason;
      failures += 1;
      movedAt = performance.now();
    },
    failures: () => Math.max(1, failures),
    memberId: () => memberId,
    isLasting: () => isLasting(last),
    rebuilding() {
      state = 'joining';
      rebuilds += 1;
      movedAt = performance.now();
    },
    silentForMs: () => performance.now() - movedAt,
    status: () => ({ state, assigned, rebuilds, lastError: last?.message }),
    close() {
      state = 'closed';
      assigned = {};
    },
  };
}
