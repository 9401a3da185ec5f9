import { kafkaError } from '../../../connections/kafka/errors.ts';
import type { SettingsOutcome } from '../../../connections/kafka/topic-settings.ts';
import { isMillraceError, MillraceError } from '../../../contracts/errors.ts';

/** What a broker answered to a change of a topic, as a sentence with the topic. */
export function refusal(error: unknown, service: string, topic: string): Error {
  const known = kafkaError(firstOf(error), `kafka service ${service}`);
  if (isMillraceError(known)) {
    return new MillraceError(known.code, `topic ${topic}: ${known.message}`, { cause: error, retriable: known.retriable });
  }
  const type = typeOf(known);
  return type === undefined ? known : refused(service, topic, `${known.message} (${type})`, error);
}

const notAuthorized = [29, 31];

/** @throws {MillraceError} ACCESS_DENIED, TOPOLOGY_REFUSED */
export function requireSet({ errorCode, errorMessage }: SettingsOutcome, service: string, topic: string): void {
  if (errorCode === 0) return;
  if (notAuthorized.includes(errorCode)) {
    throw new MillraceError(
      'ACCESS_DENIED',
      `kafka service ${service} does not let this user alter topic ${topic}; grant it AlterConfigs by an ACL`,
    );
  }
  throw refused(service, topic, errorMessage ?? `error code ${errorCode}`);
}

function refused(service: string, topic: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('TOPOLOGY_REFUSED', `kafka service ${service} refuses topic ${topic} as it is declared: ${reason}`, { cause });
}

/** kafkajs gathers the errors of the topics of a request, each with its topic. */
export function errorsOf(error: unknown): readonly unknown[] {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) ? errors : [];
}

function firstOf(error: unknown): unknown {
  return errorsOf(error)[0] ?? error;
}

/** Name of a protocol error, as kafkajs has it. */
export function typeOf(error: unknown): string | undefined {
  const { type } = firstOf(error) as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}

/** kafkajs wraps what it has tried again. */
export function rootOf(error: unknown): unknown {
  let root = error;
  while (typeOf(root) === undefined && root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root;
}
