import type { RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { isMillraceError } from '../../contracts/errors.ts';

/** What a broker without a management interface is called: quorum queues forget nothing in a fail-over. */
const unknown = 'rabbitmq';

/**
 * The identity that a cluster draws when it begins with an empty disk, so that one that was rebuilt is another one.
 *
 * It is read over the management interface, by users with the tag `policymaker` or a higher one. Without that a rebuilt broker is not noticed: its topology is
 * missing then, and publishing fails until it is applied again.
 */
export async function incarnationOf(management: RabbitManagement | undefined): Promise<string> {
  if (management === undefined) return unknown;
  try {
    const { body } = await management.ask({ path: '/global-parameters/internal_cluster_id' });
    const { value } = (body ?? {}) as { value?: unknown };
    return typeof value === 'string' ? value : unknown;
  } catch (error) {
    if (isMillraceError(error, 'ACCESS_DENIED') || isMillraceError(error, 'CONNECTION_REFUSED_CREDENTIALS')) return unknown;
    throw error;
  }
}
