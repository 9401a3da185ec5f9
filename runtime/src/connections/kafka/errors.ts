import { type ErrorCode, isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { tlsFailure } from '../tls-errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly sentence: string;
}

const denied = (what: string): Meaning => ({
  code: 'ACCESS_DENIED',
  sentence: `does not let this user use the ${what}; grant it by an ACL`,
});

/** Error codes of the protocol, by kafkajs's names. What is not listed is CONNECTION_FAILED when the broker calls it retriable, else the caller's to judge. */
const protocolErrors: Readonly<Record<string, Meaning>> = {
  SASL_AUTHENTICATION_FAILED: { code: 'CONNECTION_REFUSED_CREDENTIALS', sentence: 'refused the user, password or token' },
  UNSUPPORTED_SASL_MECHANISM: {
    code: 'CONNECTION_REFUSED_CREDENTIALS',
    sentence: 'does not offer this SASL mechanism; correct auth.mode in the binding or scramMechanism',
  },
  TOPIC_AUTHORIZATION_FAILED: denied('topic'),
  GROUP_AUTHORIZATION_FAILED: denied('consumer group'),
  CLUSTER_AUTHORIZATION_FAILED: denied('cluster'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: denied('transactional id'),
  UNKNOWN_TOPIC_OR_PARTITION: { code: 'TOPIC_UNKNOWN', sentence: 'has no such topic or partition' },
  NOT_ENOUGH_REPLICAS: { code: 'PUBLISH_FAILED', sentence: 'has fewer replicas in sync than min.insync.replicas asks for' },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: { code: 'PUBLISH_FAILED', sentence: 'wrote to fewer replicas than min.insync.replicas asks for' },
  MESSAGE_TOO_LARGE: { code: 'EVENT_TOO_LARGE', sentence: 'takes no message of this size (max.message.bytes)' },
  RECORD_LIST_TOO_LARGE: { code: 'EVENT_TOO_LARGE', sentence: 'takes no batch of this size (segment.bytes)' },
  REQUEST_TIMED_OUT: { code: 'CONNECTION_TIMEOUT', sentence: 'gave up a request of its own to other brokers' },
};

/** kafkajs's classes by name; connections and everything that follows from one that is down. */
const clientErrors: Readonly<Record<string, ErrorCode>> = {
  KafkaJSConnectionError: 'CONNECTION_FAILED',
  KafkaJSConnectionClosedError: 'CONNECTION_FAILED',
  KafkaJSBrokerNotFound: 'CONNECTION_FAILED',
  KafkaJSGroupCoordinatorNotFound: 'CONNECTION_FAILED',
  KafkaJSNoBrokerAvailableError: 'CONNECTION_FAILED',
  KafkaJSMetadataNotLoaded: 'CONNECTION_FAILED',
  KafkaJSTopicMetadataNotLoaded: 'CONNECTION_FAILED',
  KafkaJSStaleTopicMetadataAssignment: 'CONNECTION_FAILED',
  KafkaJSRequestTimeoutError: 'CONNECTION_TIMEOUT',
  KafkaJSLockTimeout: 'CONNECTION_TIMEOUT',
  KafkaJSTimeout: 'CONNECTION_TIMEOUT',
  ScramViolation: 'CONNECTION_REFUSED_CREDENTIALS',
};

/**
 * `error` as a `MillraceError` where it tells of the connection, of access or of a topic's state; anything else, such as what a handler threw, comes back
 * as it was.
 *
 * @param where what the connection leads to, for the message: `kafka service log (127.0.0.1:9092)`.
 */
export function kafkaError(error: unknown, where: string): Error {
  const root = rootOf(error);
  if (isMillraceError(root)) return root;
  const { name, type, code, retriable } = root as Error & { type?: unknown; code?: unknown; retriable?: boolean };
  if (name === 'KafkaJSProtocolError' || typeof type === 'string') return protocolError(root, where, String(type), retriable === true);
  const known = clientErrors[name] ?? (typeof code === 'string' && /^E[A-Z]+$/.test(code) ? 'CONNECTION_FAILED' : undefined);
  const text = `${known === 'CONNECTION_TIMEOUT' ? 'no answer from' : 'no connection to'} ${where}: ${root.message}`;
  return tlsFailure(root, where) ?? (known === undefined ? root : new MillraceError(known, text, { cause: root }));
}

function protocolError(error: Error, where: string, type: string, retriable: boolean): Error {
  const known = protocolErrors[type];
  if (known !== undefined) return new MillraceError(known.code, `${where} ${known.sentence} (${type})`, { cause: error });
  return retriable
    ? new MillraceError('CONNECTION_FAILED', `${where} cannot do it yet: ${error.message} (${type})`, { cause: error })
    : error;
}

/** Whether `error` is mended by a person only: another attempt helps when the secret, certificate or grant has changed. */
export function isLasting(error: unknown): boolean {
  return isMillraceError(error) && !error.retriable;
}

/** kafkajs wraps an error once for each layer of retries that gave up; one of ours is the cause of what is thrown to it. */
function rootOf(error: unknown): Error {
  const wrappers = ['KafkaJSNumberOfRetriesExceeded', 'KafkaJSNonRetriableError'];
  let root = error instanceof Error ? error : new Error(String(error));
  while ((wrappers.includes(root.name) || isMillraceError(root.cause)) && root.cause instanceof Error) root = root.cause;
  return root;
}
