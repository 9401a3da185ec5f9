import type { Danger } from '../../driver.ts';
import { targetsUnder } from './attachments.ts';
import { type DeclaredObject, keyOf, type Live, type LiveObject } from './model.ts';

const dayMs = 86_400_000;

/** What a change of an object that stays would cost. */
export function dangerOfUpdate(object: DeclaredObject, declared: readonly DeclaredObject[], live: Live): Danger | undefined {
  const before = live.objects.get(keyOf(object));
  switch (object.kind) {
    case 'lifecycle':
      return earlierDeletion(object, before, declared, live) ?? lostArchive(object, before);
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

/** What deleting a data stream or the indices behind an alias costs. */
export function dangerOfDeletion({ kind, indices = [] }: Pick<LiveObject, 'kind' | 'indices'>, live: Live): Danger | undefined {
  if (kind === 'lifecycle') return { sentence: 'new indices are kept for ever; those that follow it now go on with their copy' };
  if (kind !== 'data-stream' && kind !== 'alias') return undefined;
  const what = kind === 'data-stream' ? 'data stream' : 'alias with the indices behind it';
  return lossOf(`deletes the ${what}`, indices, live);
}

/** @param deed a clause: `deletes the index` */
export function lossOf(deed: string, indices: readonly string[], live: Live): Danger {
  const found = indices.flatMap((index) => live.indices.get(index) ?? []);
  const messages = found.reduce((sum, { documents }) => sum + documents, 0);
  const bytes = found.reduce((sum, index) => sum + index.bytes, 0);
  return { sentence: `${deed} and ${messages} ${messages === 1 ? 'document' : 'documents'} (${bytes} bytes)`, messages, bytes };
}

/** Documents that are older than the lifecycle will allow, and were to be kept for longer. */
function earlierDeletion(
  { name, deleteDays }: DeclaredObject,
  before: LiveObject | undefined,
  declared: readonly DeclaredObject[],
  live: Live,
): Danger | undefined {
  if (deleteDays === undefined) return undefined;
  const indices = targetsUnder(name, declared, live).flatMap((target) => tooOld(target, deleteDays, live));
  const loss = lossOf(`deletes what is older than ${deleteDays} days`, indices, live);
  const sentence = `${loss.sentence.replace(' and ', ': now ')}`;
  if (isLess(deleteDays, before?.deleteDays)) return { ...loss, sentence: `${sentence}; it was kept for ${before!.deleteDays}` };
  return (loss.messages ?? 0) > 0 ? { ...loss, sentence } : undefined;
}

/** An index was rolled over when the next one was made; the last one is written to. */
function tooOld({ indices = [] }: LiveObject, deleteDays: number, { indices: all, managed, objects, readAt }: Live): readonly string[] {
  return indices.slice(0, -1).filter((index, position) => {
    const rolledOverAt = all.get(indices[position + 1]!)?.createdAt ?? readAt;
    const policy = managed.get(index)?.policy;
    const keptDays = (policy === undefined ? undefined : objects.get(`lifecycle/${policy}`)?.deleteDays) ?? Number.POSITIVE_INFINITY;
    return keptDays > deleteDays && readAt - rolledOverAt > deleteDays * dayMs;
  });
}

/** Without the state `archive`, indices are deleted and no snapshot is there. */
function lostArchive({ properties }: DeclaredObject, before: LiveObject | undefined): Danger | undefined {
  const state = 'state archive';
  if (before?.properties[state] === undefined || properties[state] !== undefined) return undefined;
  return { sentence: 'from now on indices are deleted without a snapshot' };
}

function isLess(value: number | undefined, other: number | undefined): boolean {
  return value !== undefined && other !== undefined && value < other;
}
