import { setTimeout as wait } from 'node:timers/promises';
import type { Change } from './driver.ts';
import type { Compared } from './examine.ts';
import { needsAllowing } from './names.ts';
import { type ChangeOutcome, failureOf, isLost } from './outcome.ts';

export interface Orders {
  readonly check: boolean;
  readonly allow: ReadonlySet<string>;
  /** Called when the state of a change is known. */
  readonly onChange: (change: ChangeOutcome) => void;
}

/** What became of the changes; `error` is what ended the work on this service early. */
export interface CarriedOut {
  readonly changes: readonly ChangeOutcome[];
  readonly error?: unknown;
}

/** Makes the changes that may be made, one after the other, and looks afterwards whether they hold. */
export async function carryOut(compared: Compared, orders: Orders): Promise<CarriedOut> {
  compared.deadline.restart();
  const tried = await tryEach(compared, orders);
  const untold = new Set(tried.changes.filter(({ state }) => state === 'failed').map(({ name }) => name));
  const failures = ({ changes, ...rest }: CarriedOut): CarriedOut => {
    // Told last: a run beside this one may have done meanwhile what failed here.
    for (const change of changes) if (change.state === 'failed' || untold.has(change.name)) orders.onChange(change);
    return { changes, ...rest };
  };
  if (tried.error !== undefined || !tried.changes.some(({ state }) => state === 'applied' || state === 'failed')) return failures(tried);
  try {
    return failures({ changes: await verified(tried.changes, compared, orders) });
  } catch (error) {
    return failures({ ...tried, error });
  }
}

/** A change that fails does not keep the others; a server that is gone does. */
async function tryEach(compared: Compared, { check, allow, onChange }: Orders): Promise<CarriedOut> {
  const { comparison, driver, deadline } = compared;
  const changes: ChangeOutcome[] = [];
  let lost = await prepared(compared, { check, allow });
  for (const change of comparison.changes) {
    if (isRefused(change, allow)) changes.push({ ...change, state: 'refused' });
    else if (check || deadline.signal.aborted || lost !== undefined) changes.push({ ...change, state: 'pending' });
    else {
      try {
        await deadline.limit(driver.apply(change));
        changes.push({ ...change, state: 'applied' });
      } catch (error) {
        changes.push({ ...change, state: 'failed', error: failureOf(error) });
        if (isLost(error)) lost = error;
      }
    }
    const last = changes.at(-1)!;
    if (last.state !== 'failed') onChange(last);
  }
  const error: unknown = deadline.signal.aborted ? deadline.signal.reason : lost;
  return error === undefined ? { changes } : { changes, error };
}

/** What kept the server from doing at once what it can; the changes are left then. */
async function prepared({ comparison, driver, deadline }: Compared, { check, allow }: Pick<Orders, 'check' | 'allow'>): Promise<unknown> {
  const doable = comparison.changes.filter((change) => !isRefused(change, allow));
  if (check || doable.length === 0 || driver.prepare === undefined) return undefined;
  try {
    await deadline.limit(driver.prepare(doable));
    return undefined;
  } catch (error) {
    return error;
  }
}

function isRefused(change: Change, allow: ReadonlySet<string>): boolean {
  return needsAllowing(change) && !allow.has(change.name);
}

/** Some servers show a change a moment after they have acknowledged it. */
const showsWithinMs = 5_000;

/** Compares again. What was done and is not there has failed; what failed here and is as declared now was done by another run. */
async function verified(
  changes: readonly ChangeOutcome[],
  { compare, deadline }: Compared,
  { allow }: Orders,
): Promise<readonly ChangeOutcome[]> {
  const settled = new Set(changes.filter(({ state }) => state !== 'applied').map(({ name }) => name));
  const startedAt = Date.now();
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, 1_000)) {
    const remaining = (await compare()).changes;
    const missing = remaining.filter((change) => !isRefused(change, allow) && !settled.has(change.name));
    if (missing.length === 0 || Date.now() - startedAt > showsWithinMs) return afterwards(changes, remaining, missing);
    await deadline.limit(wait(pauseMs));
  }
}

function afterwards(changes: readonly ChangeOutcome[], remaining: readonly Change[], missing: readonly Change[]): ChangeOutcome[] {
  const left = new Map(remaining.map((change) => [change.name, change]));
  const known = new Set(changes.map(({ name }) => name));
  return [
    ...changes.map((change): ChangeOutcome => {
      const still = left.get(change.name);
      if (still === undefined && change.state === 'failed') return { ...change, state: 'applied', error: undefined };
      return still !== undefined && change.state === 'applied' ? notThere(still) : change;
    }),
    ...missing.filter(({ name }) => !known.has(name)).map(notThere),
  ];
}

function notThere(change: Change): ChangeOutcome {
  const message = 'differs after everything was applied; apply again, and look for what changes it back';
  return { ...change, state: 'failed', error: { code: 'TOPOLOGY_NOT_KEPT', message } };
}
