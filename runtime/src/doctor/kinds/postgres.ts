import type { PoolClient } from 'pg';
import { connectPostgres, postgresError } from '../../connections/postgres/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { postgresCheck } from '../../health/postgres-check.ts';
import { migrationStatus } from '../../schema/migrate.ts';
import { noteClock } from '../clock.ts';
import { clientName, type Examination, type Ground, note, noteCheck, noteFailure, noteLatency } from '../examination.ts';

export const postgresExamination: Examination = { purposes: ['primary', 'node'], examine };

async function examine(ground: Ground): Promise<void> {
  const { handle, limits, notes } = ground;
  const { connectMs: connectTimeoutMs, answerMs: statementTimeoutMs } = limits;
  const session = { name: clientName, maxConnections: 2, connectTimeoutMs, statementTimeoutMs, closeTimeoutMs: 500 };
  await using database = await connectPostgres(handle, session);
  const client = await database.pool.connect();
  try {
    await noteLatency(notes, () => client.query('select 1'));
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    notes.version = rows[0]?.server_version.split(' ', 1)[0];
    const outcome = await noteCheck(ground, postgresCheck(database));
    const isStandby = outcome.faults?.some(({ code }) => code === 'POSTGRES_NOT_PRIMARY') === true;
    notes.state = isStandby ? 'standby in recovery' : 'primary';
    await noteClock(notes, async () => {
      const answer = await client.query<{ now: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
      return answer.rows[0]?.now;
    });
    await noteFailure(ground, noteSchema(ground, client));
  } finally {
    client.release(true);
  }
}

/** A database without the schema is as it should be where nothing says that the outbox is in this one. */
async function noteSchema({ topology, onlyOfItsKind, notes, handle }: Ground, client: PoolClient): Promise<void> {
  const { applied, pending } = await statusOf(client, `postgres service ${handle.name}`);
  const isWanted = applied.length > 0 || (onlyOfItsKind && Object.keys(topology?.topics ?? {}).length > 0);
  if (applied.length > 0) notes.state += `, schema ${Math.max(...applied)}`;
  if (pending.length === 0 || !isWanted) return;
  const lack =
    applied.length === 0 ? 'the schema millrace is not there' : `migration ${pending.join(', ')} of the schema millrace is not applied`;
  note(notes, 'degraded', 'MIGRATION_PENDING', lack);
}

async function statusOf(client: PoolClient, where: string): ReturnType<typeof migrationStatus> {
  try {
    return await migrationStatus(client);
  } catch (error) {
    throw isMillraceError(error) ? error : postgresError(error, where);
  }
}
