import type { PostgresConnection } from '../connections/postgres/index.ts';
import { type CheckOutcome, type Fault, type Observation, outcomeOf } from './check.ts';

/** How `postgresCheck` looks at what `connection` leads to. */
export async function postgresLook(connection: PostgresConnection, writable: boolean, signal: AbortSignal): Promise<CheckOutcome> {
  const { pool } = connection;
  const observations: Observation[] = [
    { measure: 'poolConnections', value: pool.totalCount, unit: '{connection}' },
    { measure: 'poolWaiting', value: pool.waitingCount, unit: '{request}' },
  ];
  if (pool.waitingCount > 0 && pool.idleCount === 0 && pool.totalCount >= pool.options.max) {
    const reason = `all ${pool.totalCount} connections of the pool are busy and others wait`;
    return outcomeOf([{ status: 'degraded', code: 'POSTGRES_POOL_BUSY', reason }], observations);
  }
  const standby = await inRecovery(connection, signal);
  return outcomeOf(standby && writable ? [notPrimary] : [], observations);
}

const notPrimary: Fault = {
  status: 'down',
  code: 'POSTGRES_NOT_PRIMARY',
  reason: 'the server is a standby in recovery and takes no writes',
};

/** At the deadline the connection is dropped, not given back: an answer that comes later would be taken for that to the next question. */
async function inRecovery({ pool }: PostgresConnection, signal: AbortSignal): Promise<boolean> {
  const client = await pool.connect();
  let held = true;
  const release = (drop: boolean): void => {
    if (held) client.release(drop);
    held = false;
  };
  const onAbort = (): void => release(true);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
    return rows[0]?.standby === true;
  } catch (error) {
    release(true);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    release(false);
  }
}
