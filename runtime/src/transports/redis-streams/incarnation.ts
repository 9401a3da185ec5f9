import type { Redis } from 'ioredis';
import { MillraceError } from '../../contracts/errors.ts';

/** Which life of the broker the connection leads to, and whether the caller knows. */
export interface Incarnation {
  /** Asks the server; from then on, until the connection is lost, `isKnown()`. */
  ask(): Promise<string>;
  /** False on every new connection until `ask()` has answered on it. */
  isKnown(): boolean;
}

/**
 * Follows the connection of `client`.
 *
 * @param onNew told when the answer differs from the one before.
 */
export function trackIncarnation(client: Redis, onNew: () => void): Incarnation {
  let connection = 0;
  let knownConnection = -1;
  let last: string | undefined;
  // Both ends of the gap: ioredis announces `ready` a tick after it has begun to accept commands, `close` long before that.
  const next = (): void => {
    connection += 1;
  };
  client.on('close', next).on('ready', next);
  return {
    isKnown: () => knownConnection === connection && client.status === 'ready',
    async ask() {
      const asked = connection;
      const info = await client.info('server', 'replication');
      if (infoValue(info, 'role') !== 'master') {
        throw new MillraceError('REDIS_NOT_MASTER', `the connection must lead to a master, got role ${infoValue(info, 'role')}`);
      }
      if (asked !== connection)
        throw new MillraceError('CONNECTION_FAILED', 'the connection was renewed while the broker was asked for its incarnation');
      const current = `${infoValue(info, 'run_id')}/${infoValue(info, 'master_replid')}`;
      if (last !== undefined && last !== current) onNew();
      last = current;
      knownConnection = asked;
      return current;
    },
  };
}

function infoValue(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}
