import type { ManagedIndex } from './model.ts';

interface Explained {
  readonly policy_id?: string | null;
  readonly policy_seq_no?: number;
  readonly state?: { readonly name?: string };
  readonly action?: { readonly name?: string; readonly failed?: boolean };
  readonly step?: { readonly step_status?: string };
  readonly retry_info?: { readonly failed?: boolean };
  readonly info?: { readonly message?: string; readonly cause?: string };
}

/** Of the indices that Index State Management looks after. */
export function managedIn(answer: unknown): ReadonlyMap<string, ManagedIndex> {
  const entries = Object.entries((answer ?? {}) as Readonly<Record<string, Explained | number>>);
  return new Map(
    entries.flatMap(([index, explained]) =>
      typeof explained !== 'object' || typeof explained.policy_id !== 'string' ? [] : [[index, managed(explained.policy_id, explained)]],
    ),
  );
}

/** A policy that is missing is told by `retry_info` alone: no state was reached. */
function managed(policy: string, { policy_seq_no, state, action, step, retry_info, info }: Explained): ManagedIndex {
  return {
    policy,
    seqNo: policy_seq_no,
    state: state?.name,
    action: action?.name,
    failed: action?.failed === true || step?.step_status === 'failed' || retry_info?.failed === true,
    message: [info?.message, info?.cause].filter((text) => text !== undefined).join(': ') || undefined,
  };
}
