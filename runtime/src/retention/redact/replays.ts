import type { ClientBase } from 'pg';
import type { PlaceOutcome } from './outcome.ts';
import { isWhole, markedSql, pseudonymPattern, pseudonymSql, type Redaction, sqlOf } from './sought.ts';

/**
 * Events that replays have given up, and keys that replays were asked for: after the log, whose marks tell which events are meant. Of an event that the log
 * has no more only its tenant and key are known, so that an actor or a subject is not found in it.
 */
export async function redactReplays(client: ClientBase, redaction: Redaction, dryRun: boolean): Promise<PlaceOutcome> {
  const failures = (await redactKnown(client, redaction, dryRun)) + (await redactCut(client, redaction, dryRun));
  const keys = await redactKeys(client, redaction, dryRun);
  return { counts: { replay_failure: failures, replay: keys.replays }, remains: keys.remains };
}

/** Failures whose events the log has: with the key that they have there now. */
async function redactKnown(client: ClientBase, redaction: Redaction, dryRun: boolean): Promise<number> {
  const { where, values } = sqlOf(redaction);
  if (dryRun) {
    const sql = `select count(*)::integer as n from millrace.replay_failure where id in (select id from millrace.outbox where ${where})`;
    return (await client.query<{ n: number }>(sql, values)).rows[0]!.n;
  }
  const { tenant = null, topics } = redaction.sought;
  const { rowCount } = await client.query(
    `update millrace.replay_failure f set key = o.key, errors = '[]' from millrace.outbox o
      where o.id = f.id and ${markedSql} and ($1::text is null or o.tenant_id = $1) and ($2::text[] is null or o.topic = any($2))
        and (f.errors <> '[]' or f.key is distinct from o.key)`,
    [tenant, topics?.length ? topics : null],
  );
  return rowCount ?? 0;
}

/** Failures whose events have left the log. */
async function redactCut(client: ClientBase, { sought, salt }: Redaction, dryRun: boolean): Promise<number> {
  const { tenant = null, actor, subject, key = null, topics } = sought;
  if (actor !== undefined || subject !== undefined) return 0;
  const where = `r.run = f.run and ($1::text is null or f.tenant_id = $1) and ($2::text is null or f.key = $2)
    and ($3::text[] is null or r.topic = any($3)) and $4::bytea is not null and (f.errors <> '[]' or f.key !~ '${pseudonymPattern}')
    and not exists (select from millrace.outbox o where o.id = f.id)`;
  return changed(client, dryRun, [tenant, key, topics?.length ? topics : null, salt], {
    count: `select 1 from millrace.replay_failure f, millrace.replay r where ${where}`,
    change: `update millrace.replay_failure f set key = ${pseudonymSql('f.key', '$4')}, errors = '[]' from millrace.replay r where ${where}`,
  });
}

/** Keys that replays were asked for. What has not ended is told of: it needs its key, and may still give up what it had read before. */
async function redactKeys(client: ClientBase, { sought, salt }: Redaction, dryRun: boolean) {
  const { tenant = null, actor = null, subject = null, key = null, topics } = sought;
  const isMeant = isWhole(sought) ? `r.tenant_id = $1 and r.key !~ '${pseudonymPattern}'` : 'r.key in ($3::text, $4::text, $5::text)';
  const scope = `($1::text is null or r.tenant_id is null or r.tenant_id = $1) and ($2::text[] is null or r.topic = any($2))`;
  const values = [tenant, topics?.length ? topics : null, actor, subject, key, salt];
  const typed = 'coalesce($3::text, $4::text, $5::text, $6::bytea::text) is not null';
  const ended = `${scope} and ${typed} and ${isMeant} and r.state in ('done', 'failed', 'cancelled')`;
  const replays = await changed(client, dryRun, values, {
    count: `select 1 from millrace.replay r where ${ended}`,
    change: `update millrace.replay r set key = ${pseudonymSql('r.key', '$6')} where ${ended}`,
  });
  const open = `${scope} and ${typed} and (r.state = 'running' or r.state = 'requested' and ${isMeant})`;
  const { rows } = await client.query<{ run: string }>(`select r.run from millrace.replay r where ${open} order by 1`, values);
  const sentence = (run: string): string =>
    `replay ${run} has not ended and may keep what it has read or was asked for: run it again when it has`;
  return { replays, remains: rows.map(({ run }) => ({ where: 'millrace.replay', sentence: sentence(run) })) };
}

async function changed(
  client: ClientBase,
  dryRun: boolean,
  values: readonly unknown[],
  { count, change }: { readonly count: string; readonly change: string },
): Promise<number> {
  return (await client.query(dryRun ? count : change, [...values])).rowCount ?? 0;
}
