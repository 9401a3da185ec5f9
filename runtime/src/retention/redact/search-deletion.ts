import { MillraceError } from '../../contracts/errors.ts';
import type { Settings } from './lifted.ts';
import type { Query } from './search-fields.ts';
import type { Running } from './stopping.ts';

/** Sends one request and gives the body of the answer. */
export type Ask = <T>(method: 'GET' | 'PUT' | 'POST', path: string, body?: object) => Promise<T>;

/** Blocks that keep documents from being deleted, as lifecycles and people set them; the one of a full disk is not ours to lift. */
const blocks = ['index.blocks.write', 'index.blocks.read_only'];
/** A merge that expunges passes over segments with fewer deleted documents than this many percent. */
const expungeThreshold = 'index.merge.policy.expunge_deletes_allowed';
const conflictPauseMs = 500;

interface TaskAnswer<R> {
  readonly completed: boolean;
  readonly response?: R;
  readonly error?: { readonly reason?: string };
}

interface Deletion {
  readonly deleted: number;
  readonly version_conflicts: number;
  readonly failures: readonly { readonly cause?: { readonly reason?: string }; readonly reason?: string }[];
}

/** The settings that stand in the way of a deletion, as they are now. */
export async function obstacles(ask: Ask, index: string): Promise<Settings> {
  const settings = (await settingsOf(ask, index)) ?? {};
  const set = blocks.filter((name) => settings[name] === 'true').map((name) => [name, 'true'] as const);
  return { ...Object.fromEntries(set), [expungeThreshold]: settings[expungeThreshold] ?? null };
}

export async function lift(ask: Ask, index: string, settings: Settings): Promise<void> {
  const lifted = Object.keys(settings).filter((name) => name !== expungeThreshold);
  // Blocks first: under `read_only` nothing but the block itself can be changed.
  if (lifted.length > 0) await ask('PUT', `/${index}/_settings`, Object.fromEntries(lifted.map((name) => [name, null])));
  await ask('PUT', `/${index}/_settings`, { [expungeThreshold]: 0 });
}

/** Sets only what differs: an index that is gone, or never let itself be changed, needs nothing. */
export async function bringBack(ask: Ask, index: string, settings: Settings): Promise<void> {
  const now = await settingsOf(ask, index);
  if (now === undefined) return;
  const changed = Object.entries(settings).filter(([name, value]) => (now[name] ?? null) !== value);
  const put = (entries: typeof changed): Promise<unknown> | undefined =>
    entries.length === 0 ? undefined : ask('PUT', `/${index}/_settings`, Object.fromEntries(entries));
  await put(changed.filter(([name]) => name === expungeThreshold));
  await put(changed.filter(([name]) => name !== expungeThreshold));
}

async function settingsOf(ask: Ask, index: string): Promise<Record<string, string> | undefined> {
  const path = `/${index}/_settings?flat_settings=true&ignore_unavailable=true&allow_no_indices=true`;
  return (await ask<Record<string, { settings: Record<string, string> }>>('GET', path))[index]?.settings;
}

export async function countIn(ask: Ask, index: string, query: Query): Promise<number> {
  await ask('POST', `/${index}/_refresh`);
  return (await ask<{ count: number }>('POST', `/${index}/_count`, { query })).count;
}

/** Until a pass finds nothing: documents that changed meanwhile are conflicts, and met again. */
export async function deleteAll(ask: Ask, index: string, query: Query, running: Running): Promise<{ deleted: number; failure?: string }> {
  const start = `/${index}/_delete_by_query?conflicts=proceed&wait_for_completion=false&refresh=true`;
  for (let deleted = 0; ; ) {
    running.check();
    const { task } = await ask<{ task: string }>('POST', start, { query });
    const { deleted: some, version_conflicts: conflicts, failures } = await ended<Deletion>(ask, task, running);
    deleted += some;
    const [first] = failures;
    if (first !== undefined)
      return { deleted, failure: first.cause?.reason ?? first.reason ?? `${failures.length} documents were refused` };
    if (some === 0 && conflicts === 0) return { deleted };
    if (some === 0) await running.wait(conflictPauseMs);
    await ask('POST', `/${index}/_refresh`);
  }
}

/** Deleted documents lie in the segments until a merge. @returns how many still do */
export async function expunge(ask: Ask, index: string, running: Running): Promise<number> {
  const { task } = await ask<{ task: string }>('POST', `/${index}/_forcemerge?only_expunge_deletes=true&wait_for_completion=false`);
  await ended(ask, task, running);
  await ask('POST', `/${index}/_refresh`);
  const { _all: all } = await ask<{ _all: { total: { docs?: { deleted: number } } } }>('GET', `/${index}/_stats/docs`);
  return all.total.docs?.deleted ?? 0;
}

async function ended<R>(ask: Ask, task: string, running: Running): Promise<R> {
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    const { completed, response, error } = await ask<TaskAnswer<R>>('GET', `/_tasks/${task}`);
    if (error !== undefined)
      throw new MillraceError('REDACTION_STOPPED', `the server gave up task ${task}: ${error.reason ?? 'no reason'}`);
    if (completed && response !== undefined) return response;
    await running.wait(waitMs);
  }
}
