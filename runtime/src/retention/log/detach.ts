import type { ClientBase } from 'pg';
import { hasState, sqlState } from '../../schema/sqlstate.ts';
import type { Held } from '../task.ts';

/**
 * How long a detach waits for transactions that have used the table. It waits for them by their ids and holds no lock meanwhile that writers want.
 */
const detachWaitMs = 5_000;

type Parent = 'outbox' | 'inbox';

interface Leaving {
  readonly name: string;
  readonly parent: Parent;
  /** Absent for a table that is detached, or gone. */
  readonly detaching: boolean | null;
}

const leavingSql = `select l.name, split_part(l.name, '_', 1) as parent, i.inhdetachpending as detaching
  from millrace.leaving_partition l left join pg_inherits i on i.inhrelid = to_regclass('millrace.' || l.name) order by l.name`;

/** Tells of a partition that an open transaction keeps. */
export function keptByTransaction(name: string): Held {
  return { name, sentence: `${name} is detached and not dropped yet: an older transaction is still open; the next run ends it` };
}

/** Ends what an interrupted run has begun. @returns names of what could not be ended yet, for an open transaction. */
export async function finishLeaving(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<Leaving>(leavingSql);
  const stuck: string[] = [];
  for (const leaving of rows) {
    // Not begun: whether it may go is found out anew.
    if (leaving.detaching === false) await client.query('delete from millrace.leaving_partition where name = $1', [leaving.name]);
    else if (!(await leave(client, leaving))) stuck.push(leaving.name);
  }
  return stuck;
}

/**
 * Detaches a partition without stopping writers, and drops it.
 *
 * @returns false when an open transaction keeps it: it is read by no new statement any more, and the next run ends it.
 */
export async function removePartition(client: ClientBase, parent: Parent, name: string): Promise<boolean> {
  await client.query('insert into millrace.leaving_partition (name) values ($1) on conflict do nothing', [name]);
  return leave(client, { name, parent, detaching: false });
}

async function leave(client: ClientBase, { name, parent, detaching }: Leaving): Promise<boolean> {
  const table = `millrace.${client.escapeIdentifier(name)}`;
  await client.query(`set lock_timeout = ${detachWaitMs}`);
  try {
    // One statement, one transaction of its own: CONCURRENTLY commits in the middle.
    if (detaching !== null) {
      await client.query(`alter table millrace.${parent} detach partition ${table} ${detaching ? 'finalize' : 'concurrently'}`);
    }
    await client.query(`drop table if exists ${table}`);
    await client.query('delete from millrace.leaving_partition where name = $1', [name]);
    return true;
  } catch (error) {
    // A transaction that is still open keeps the partition; what was begun is ended by the next run.
    if (hasState(error, sqlState.lockNotAvailable)) return false;
    throw error;
  } finally {
    await client.query('reset lock_timeout').catch(() => undefined);
  }
}
