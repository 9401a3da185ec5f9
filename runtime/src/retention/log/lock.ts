import type { ClientBase } from 'pg';
import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';

/** "RETAIN" in ASCII: one lock for all that removes, archives, restores or rewrites rows of a log. */
const lockKey = '90457719785806';

/** Runs `work` while nobody else removes or rewrites old rows of this log; undefined when somebody does. The lock is the session's and ends with it. */
export async function inTurn<T>(client: ClientBase, work: () => Promise<T>): Promise<T | undefined> {
  const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${lockKey}) as mine`);
  if (!rows[0]!.mine) return undefined;
  try {
    return await work();
  } finally {
    // Where the connection is lost the lock is gone already, and what `work` threw tells more.
    await client.query(`select pg_advisory_unlock(${lockKey})`).catch(() => undefined);
  }
}

/** As `inTurn`, waiting for the turn. @throws {MillraceError} RETENTION_BUSY after `patienceMs`. */
export async function awaitTurn<T>(client: ClientBase, work: () => Promise<T>, patienceMs = 30_000): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const outcome = await inTurn(client, async () => ({ value: await work() }));
    if (outcome !== undefined) return outcome.value;
    if (performance.now() >= deadline) {
      throw new MillraceError(
        'RETENTION_BUSY',
        `another janitor, archive command or redaction has worked on this log for ${patienceMs} ms`,
      );
    }
    await new Pause().wait(250);
  }
}
