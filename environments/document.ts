import { canonicalJson } from '../runtime/src/contracts/canonical-json.ts';
import type { Environment } from './declaration.ts';

/**
 * The topology document of an environment: what the binding points at and `millrace apply` reads, byte for byte. Equal declarations give equal documents.
 *
 * Of the environment's retention it holds what the database is kept by.
 */
export function topologyDocument({ topology, retention: { outboxDays, inboxDays } }: Pick<Environment, 'topology' | 'retention'>): string {
  return canonicalJson({ ...topology, retention: { outboxDays, inboxDays } });
}
