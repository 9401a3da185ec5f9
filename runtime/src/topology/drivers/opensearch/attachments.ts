import type { PropertyDifference } from '../../driver.ts';
import { type DeclaredObject, keyOf, type Live, type LiveObject } from './model.ts';

/**
 * A new index is taken up by the policy whose template has its name, a moment after it was made, or when the plugin looks for such indices every ten minutes.
 * One that is older than that has to be put under the policy.
 */
const takenUpWithinMs = 11 * 60_000;

/** An index takes up the new version of its policy with its next run, at most eight minutes later; longer where an action is under way. */
const renewedWithinMs = 30 * 60_000;

/** An index that is declared to be under a lifecycle. */
export interface Attachment {
  readonly index: string;
  /** What it follows instead. */
  readonly instead: 'nothing' | 'older version' | 'other policy' | undefined;
  readonly policy?: string | undefined;
  /** Whether it is left as it is because time will mend it. */
  readonly settles: boolean;
}

/** The indices that are declared to be under the lifecycle, and what they follow. */
export function attachmentsOf(lifecycle: DeclaredObject, declared: readonly DeclaredObject[], live: Live): readonly Attachment[] {
  const policy = live.objects.get(keyOf(lifecycle));
  return targetsUnder(lifecycle.name, declared, live).flatMap(({ indices = [] }) =>
    indices.map((index) => attachmentOf(index, lifecycle.name, policy, live)),
  );
}

/** The data streams and aliases under a lifecycle, as they are on the server. */
export function targetsUnder(lifecycle: string, declared: readonly DeclaredObject[], live: Live): readonly LiveObject[] {
  return declared.flatMap((object) => {
    const target = object.index?.lifecycle === lifecycle ? live.objects.get(keyOf(object)) : undefined;
    return target === undefined ? [] : [target];
  });
}

function attachmentOf(index: string, lifecycle: string, policy: LiveObject | undefined, { managed, indices, readAt }: Live): Attachment {
  const follows = managed.get(index);
  if (follows === undefined) {
    const settles = policy !== undefined && readAt - (indices.get(index)?.createdAt ?? readAt) < takenUpWithinMs;
    return { index, instead: 'nothing', settles };
  }
  if (follows.policy !== lifecycle) return { index, instead: 'other policy', policy: follows.policy, settles: false };
  const { seqNo, updatedAt } = policy?.version ?? {};
  const isOlder = seqNo !== undefined && follows.seqNo !== undefined && follows.seqNo < seqNo;
  return { index, instead: isOlder ? 'older version' : undefined, settles: readAt - (updatedAt ?? 0) < renewedWithinMs };
}

export function attachmentDifferences(attachments: readonly Attachment[], lifecycle: string): readonly PropertyDifference[] {
  return attachments.flatMap(({ index, instead, policy, settles }) => {
    if (instead === undefined || settles) return [];
    const live = { nothing: undefined, 'older version': 'older version', 'other policy': policy }[instead];
    return [{ property: `index ${index}`, declared: lifecycle, ...(live !== undefined && { live }) }];
  });
}

/** Whether the difference is one of an index, not of the policy itself. */
export function isAttachment({ property }: PropertyDifference): boolean {
  return property.startsWith('index ');
}
