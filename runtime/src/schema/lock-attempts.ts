import type { ClientBase } from 'pg';
import { inTransaction } from '../connections/postgres/transaction.ts';
import { metLock } from './sqlstate.ts';

export interface LockAttempts {
  /** Longest wait for a lock, and so of writers behind it. */
  readonly lockTimeoutMs: number;
  readonly attempts: number;
  /** Which errors are worth another attempt. @default those of a lock that was met */
  readonly isBusy?: (error: unknown) => boolean;
}

/** Runs `work` in a transaction that gives up where it would have to wait for a lock, and again. @throws what the last attempt has thrown. */
export async function inLockAttempts<T>(
  client: ClientBase,
  { lockTimeoutMs, attempts, isBusy = metLock }: LockAttempts,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(client, work, `begin; set local lock_timeout = ${lockTimeoutMs}`);
    } catch (error) {
      if (attempt === attempts || !isBusy(error)) throw error;
    }
  }
}
