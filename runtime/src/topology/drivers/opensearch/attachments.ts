import type { PropertyDifference } from '../../driver.ts';
import { patternsOf } from './comparable.ts';
import { ownIndices } from './members.ts';
import { type DeclaredObject, keyOf, type Live, type LiveObject } from './model.ts';
import { namesIn } from './names.ts';

/**
 * A new index is taken up by the policy whose template has its name, a moment after it was made, or when the plugin looks for such indices every ten minutes.
 * One that is older than that has to be put under the policy.
 */
const takenUpWithinMs = 11 * 60_000;

/** An index takes up another policy, or the new version of its own, with its next run, at most eight minutes later; longer where an action is under way. */
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
  return ownUnder(lifecycle.name, declared, live).map((index) => attachmentOf(index, lifecycle.name, policy, live));
}

/** The indices of ours that are declared to be under a lifecycle; those of others are left to them. */
export function ownUnder(lifecycle: string, declared: readonly DeclaredObject[], live: Live): readonly string[] {
  return targetsUnder(lifecycle, declared, live).flatMap((target) => ownIndices(target, live));
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
  const { seqNo, updatedAt } = policy?.version ?? {};
  // Told to, an index is still shown with the policy that it followed until its next run.
  const settles = readAt - (updatedAt ?? 0) < renewedWithinMs;
  if (follows.policy !== lifecycle) return { index, instead: 'other policy', policy: follows.policy, settles };
  const isOlder = seqNo !== undefined && follows.seqNo !== undefined && follows.seqNo < seqNo;
  return { index, instead: isOlder ? 'older version' : undefined, settles };
}

/** What is declared to be kept for ever, and is not: indices that follow a lifecycle, and one that would take up the next of them. */
export interface Detachment {
  readonly index: string;
  readonly policy: string;
  /** Others made the policy: it is left to them. */
  readonly isForeign: boolean;
}

/** Indices of a target without a lifecycle that follow one; one that is gone as well, of which they have a copy. */
export function detachmentsOf(target: DeclaredObject, live: Live): readonly Detachment[] {
  const found = live.objects.get(keyOf(target));
  if (target.index === undefined || target.index.lifecycle !== undefined || found === undefined) return [];
  return ownIndices(found, live).flatMap((index) => {
    const policy = live.managed.get(index)?.policy;
    if (policy === undefined) return [];
    return [{ index, policy, isForeign: live.objects.get(`lifecycle/${policy}`)?.ours === false }];
  });
}

/** Lifecycles of ours that nothing declares any more, and that take up the indices of a target which is to be under none. */
export function takersOf({ kind, name, index }: DeclaredObject, declared: readonly DeclaredObject[], live: Live): readonly string[] {
  if (index === undefined || index.lifecycle !== undefined) return [];
  const { pattern } = namesIn(name, { dataStream: kind === 'data-stream' });
  const known = new Set(declared.map(keyOf));
  return [...live.objects.values()]
    .filter((object) => object.kind === 'lifecycle' && object.ours && !known.has(keyOf(object)))
    .flatMap((policy) => (patternsOf(policy.properties).includes(pattern) ? [policy.name] : []));
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
