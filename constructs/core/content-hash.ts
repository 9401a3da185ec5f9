import { createHash } from 'node:crypto';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';

/**
 * Eight hexadecimal digits that change with `content`, for the name of what cannot be changed while it is in use.
 *
 * With its content in its name, a new parameter group or configuration stands before the old one goes.
 */
export function contentHash(content: unknown): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 8);
}
