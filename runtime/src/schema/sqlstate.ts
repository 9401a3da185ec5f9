/** SQLSTATEs that are decided by, under the names that PostgreSQL gives them. */
export const sqlState = {
  lockNotAvailable: '55P03',
  deadlockDetected: '40P01',
  duplicateTable: '42P07',
  invalidObjectDefinition: '42P17',
} as const;

/** Whether an error is the answer of a server with one of these states. */
export function hasState(error: unknown, ...states: readonly string[]): boolean {
  return states.includes((error as { code?: string }).code ?? '');
}

/** Whether an attempt met the lock of another and may simply be repeated. */
export function metLock(error: unknown): boolean {
  return hasState(error, sqlState.lockNotAvailable, sqlState.deadlockDetected);
}
