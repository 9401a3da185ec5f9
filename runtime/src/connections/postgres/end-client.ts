import type { Client, ClientBase } from 'pg';
import { settledWithin } from '../once.ts';

/** Ends a dedicated connection: politely, and after `limitMs` whether or not the server answers. */
export async function endClient(client: Client, limitMs: number): Promise<void> {
  if (!(await settledWithin(client.end(), limitMs))) socketOf(client)?.destroy();
}

/** `pg` offers no way to drop a connection that hangs other than its socket. */
export function socketOf(client: ClientBase): { destroy(): void } | undefined {
  return (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream;
}
