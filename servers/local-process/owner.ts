import { execFileSync } from 'node:child_process';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Owner } from './launch.ts';

/**
 * The user that a server must run as which refuses root, or undefined when this process is not root and may run it itself.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND when root has no such user to hand over to.
 */
export function unprivilegedOwner(...users: readonly string[]): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of users) {
    const uid = idOf('-u', user);
    const gid = idOf('-g', user);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new MillraceError(
    'SERVER_NOT_FOUND',
    `PostgreSQL and OpenSearch refuse to run as root and this machine has no user ${users.join(' or ')}; create one, or run as another user than root`,
  );
}

function idOf(what: '-u' | '-g', user: string): number | undefined {
  try {
    return Number(execFileSync('id', [what, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch (error) {
    // `id` answers with status 1 when there is no such user.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}
