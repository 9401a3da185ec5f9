import type { Danger } from '../../driver.ts';
import { targetsUnder } from './attachments.ts';
import { patternsOf, statesOf } from './comparable.ts';
import { ownIndices } from './members.ts';
import { type DeclaredObject, keyOf, type Live, type LiveObject } from './model.ts';
import { namesIn } from './names.ts';
import { type Removal, removalOf } from './removal.ts';

const dayMs = 86_400_000;

/** What a change of an object that stays would cost. */
export function dangerOfUpdate(object: DeclaredObject, declared: readonly DeclaredObject[], live: Live): Danger | undefined {
  const before = live.objects.get(keyOf(object));
  switch (object.kind) {
    case 'lifecycle':
      return lifecycleDanger(object, declared, live);
    case 'snapshots':
      return isLess(object.deleteDays, before?.deleteDays)
        ? { sentence: `deletes snapshots that are older than ${object.deleteDays} days; they were kept for ${before!.deleteDays}` }
        : undefined;
    case 'repository':
      return before && { sentence: 'leaves the snapshots behind that were taken: they are neither listed nor deleted any more' };
    default:
      return undefined;
  }
}

/** What deleting an object costs that nothing declares. */
export function dangerOfDeletion(object: LiveObject, live: Live): Danger | undefined {
  if (object.kind === 'lifecycle') return { sentence: 'new indices are kept for ever; those that follow it now go on with their copy' };
  if (object.kind !== 'data-stream' && object.kind !== 'alias') return undefined;
  return dangerOfRemoval(removalOf(object, live), live);
}

/** @param which a clause that stands after what is removed: `that has the name` */
export function dangerOfRemoval({ what, deleted, kept }: Removal, live: Live, which?: string): Danger {
  const named = what === 'alias' && deleted.length > 0 ? ` with ${listOf(deleted)}` : '';
  const loss = lossOf(`deletes the ${what}${which === undefined ? '' : ` ${which}`}${named}`, deleted, live);
  return kept.length === 0 ? loss : { ...loss, sentence: `${loss.sentence}; ${listOf(kept)} of others stays, without the alias` };
}

const namedAtMost = 10;

function listOf(indices: readonly string[]): string {
  const further = indices.length - namedAtMost;
  return `${indices.slice(0, namedAtMost).join(', ')}${further > 0 ? ` and ${further} more` : ''}`;
}

/** @param deed a clause: `deletes the index` */
function lossOf(deed: string, indices: readonly string[], live: Live): Danger {
  const found = indices.flatMap((index) => live.indices.get(index) ?? []);
  const messages = found.reduce((sum, { documents }) => sum + documents, 0);
  const bytes = found.reduce((sum, index) => sum + index.bytes, 0);
  return { sentence: `${deed} and ${messages} ${messages === 1 ? 'document' : 'documents'} (${bytes} bytes)`, messages, bytes };
}

/** What is lost by a lifecycle as it is declared, against what its indices follow now. */
function lifecycleDanger(object: DeclaredObject, declared: readonly DeclaredObject[], live: Live): Danger | undefined {
  const targets = targetsUnder(object.name, declared, live);
  const before = live.objects.get(keyOf(object));
  const followed = [...(before === undefined ? [] : [before]), ...policiesOf(targets, live)];
  const earlier = earlierDeletion(object.deleteDays, followed, targets, live);
  const isArchiveLost = !archives(object.properties) && followed.some(({ properties }) => archives(properties));
  if (!isArchiveLost) return earlier;
  const sentence = 'from now on indices are deleted without a snapshot';
  return earlier === undefined ? { sentence } : { ...earlier, sentence: `${earlier.sentence}; ${sentence}` };
}

/** The policies that the indices follow, or will as soon as the plugin has seen them. */
function policiesOf(targets: readonly LiveObject[], { managed, objects, indices }: Live): readonly LiveObject[] {
  const own = targets.flatMap((target) => ownIndices(target, { indices }));
  const names = new Set(own.flatMap((index) => managed.get(index)?.policy ?? []));
  const patterns = targets.map(({ kind, name }) => namesIn(name, { dataStream: kind === 'data-stream' }).pattern);
  const takes = (policy: LiveObject) => patternsOf(policy.properties).some((pattern) => patterns.includes(pattern));
  return [...objects.values()].filter((object) => object.kind === 'lifecycle' && (names.has(object.name) || takes(object)));
}

/** Documents that are older than the lifecycle will allow, and were to be kept for longer. */
function earlierDeletion(
  deleteDays: number | undefined,
  followed: readonly LiveObject[],
  targets: readonly LiveObject[],
  live: Live,
): Danger | undefined {
  if (deleteDays === undefined) return undefined;
  const indices = targets.flatMap((target) => tooOld(target, deleteDays, live));
  const loss = lossOf(`deletes what is older than ${deleteDays} days`, indices, live);
  const sentence = `${loss.sentence.replace(' and ', ': now ')}`;
  const longest = Math.max(0, ...followed.map((policy) => policy.deleteDays ?? Number.POSITIVE_INFINITY));
  if (longest > deleteDays) return { ...loss, sentence: `${sentence}; it was kept for ${Number.isFinite(longest) ? longest : 'ever'}` };
  return (loss.messages ?? 0) > 0 ? { ...loss, sentence } : undefined;
}

/** An index was rolled over when the next one was made; the last one is written to. */
function tooOld(target: LiveObject, deleteDays: number, { indices: all, managed, objects, readAt }: Live): readonly string[] {
  const indices = ownIndices(target, { indices: all });
  return indices.slice(0, -1).filter((index, position) => {
    const rolledOverAt = all.get(indices[position + 1]!)?.createdAt ?? readAt;
    const policy = managed.get(index)?.policy;
    const keptDays = (policy === undefined ? undefined : objects.get(`lifecycle/${policy}`)?.deleteDays) ?? Number.POSITIVE_INFINITY;
    return keptDays > deleteDays && readAt - rolledOverAt > deleteDays * dayMs;
  });
}

/** Whether a policy takes a snapshot of an index, whatever its states are called. */
function archives(properties: LiveObject['properties']): boolean {
  return statesOf(properties).some(({ actions }) => actions.some((action) => 'snapshot' in action));
}

function isLess(value: number | undefined, other: number | undefined): boolean {
  return value !== undefined && other !== undefined && value < other;
}
