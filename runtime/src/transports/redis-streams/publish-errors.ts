import { replyCode } from '../../connections/redis/errors.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { PublishResult } from '../../transport.ts';

/** Codes of replies that say the same again however often one asks. All others pass with time, or when a person mends the server, not the event. */
const permanent = new Set(['WRONGTYPE', 'ERR']);

/**
 * Why a batch was not published, from the reply's protocol code; what is no reply tells of the connection.
 *
 * @returns for RELAY_FENCED the epoch that the broker knows as `cause`, a bigint, so that the caller can take a newer one.
 */
export function publishError(error: unknown, stream: string, epoch: bigint | undefined): MillraceError {
  const code = replyCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const detail = message.split(' ')[1] ?? '';
  if (code === 'FENCED') {
    const stored = BigInt(detail);
    return new MillraceError('RELAY_FENCED', `${stream} was published to under epoch ${stored}, got the older ${epoch}; stand by`, {
      cause: stored,
    });
  }
  if (code === 'LOST') {
    return new MillraceError(
      'BROKER_LOST_EVENTS',
      `${stream} has forgotten acknowledged events after log id ${BigInt(detail)}; rewind the sink`,
      {
        cause: error,
      },
    );
  }
  if (code !== undefined && permanent.has(code))
    return new MillraceError('PUBLISH_REJECTED', `${stream} refused events: ${message}`, { cause: error });
  return new MillraceError('PUBLISH_FAILED', `${stream} did not acknowledge events: ${message}`, { cause: error });
}

/** The result of an event that was not published. */
export function failedResult(error: MillraceError): PublishResult {
  return { status: 'failed', retriable: error.retriable, error };
}
