import { type ErrorCode, MillraceError } from '../../../contracts/errors.ts';

/** Error codes of the protocol that are acted upon. @see https://kafka.apache.org/protocol#protocol_error_codes */
export const answer = {
  ok: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  notCoordinator: 16,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalancing: 27,
  memberIdRequired: 79,
  /** Somebody else has, or may have, what this member had: `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER_ID`, `FENCED_INSTANCE_ID`. */
  superseding: [22, 25, 82] as readonly number[],
  /** Of a topic, of a group, of the cluster. */
  denied: [29, 30, 31] as readonly number[],
  /** `CORRUPT_MESSAGE`, `INVALID_TOPIC_EXCEPTION`, `INVALID_TIMESTAMP`, `UNSUPPORTED_FOR_MESSAGE_FORMAT`, `INVALID_RECORD`. */
  rejected: [2, 17, 32, 43, 87] as readonly number[],
} as const;

const tooLarge = { code: 'EVENT_TOO_LARGE', sentence: 'takes no message of this size (max.message.bytes, segment.bytes)' } as const;
const denied = { code: 'ACCESS_DENIED', sentence: 'is not for this user; grant it by an ACL' } as const;
const rejected = { code: 'PUBLISH_REJECTED', sentence: 'refuses this message' } as const;
const superseded = { code: 'CONSUMER_LEASE_LOST', sentence: 'has gone to other members of its group' } as const;

/** What is not listed passes with time: a leader or coordinator that moves, replicas that are missing. */
const meanings = new Map<number, { readonly code: ErrorCode; readonly sentence: string }>();
meanings.set(answer.unknownTopic, { code: 'TOPIC_UNKNOWN', sentence: 'is not on the cluster; apply the topology' });
for (const number of [answer.messageTooLarge, answer.recordListTooLarge]) meanings.set(number, tooLarge);
for (const number of answer.superseding) meanings.set(number, superseded);
for (const number of answer.denied) meanings.set(number, denied);
for (const number of answer.rejected) meanings.set(number, rejected);

/** @param what the thing asked about: `topic orders`, `group emails`. */
export function answerError(errorCode: number, what: string): MillraceError {
  const meaning = meanings.get(errorCode);
  if (meaning !== undefined) return new MillraceError(meaning.code, `${what} ${meaning.sentence} (error code ${errorCode})`);
  return new MillraceError('CONNECTION_FAILED', `${what} cannot be served yet (error code ${errorCode})`);
}

/** @throws {MillraceError} what `answerError` makes of it, unless it is 0. */
export function requireOk(errorCode: number, what: string): void {
  if (errorCode !== answer.ok) throw answerError(errorCode, what);
}
