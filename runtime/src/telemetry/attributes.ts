import type { Attributes } from '@opentelemetry/api';
import { isMillraceError } from '../contracts/errors.ts';

export const attribute = {
  system: 'messaging.system',
  destination: 'messaging.destination.name',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  group: 'messaging.consumer.group.name',
  messageId: 'messaging.message.id',
  messageCount: 'messaging.batch.message_count',
  errorType: 'error.type',
} as const;

/** Operations have the names of their types. */
export type Operation = 'create' | 'send' | 'process';

/** What spans and metrics of an operation on a topic share. */
export function operationAttributes(operation: Operation, system: string, topic: string): Attributes {
  return {
    [attribute.system]: system,
    [attribute.destination]: topic,
    [attribute.operationName]: operation,
    [attribute.operationType]: operation,
  };
}

/** `messaging.system` of a transport or a service: the conventions have no name of their own for Redis Streams. */
export function systemOf(kind: string): string {
  return kind.startsWith('redis') ? 'redis' : kind;
}

/** `error.type`: the code of a `MillraceError`, the name of any other. */
export function errorTypeOf(error: unknown): string {
  if (isMillraceError(error)) return error.code;
  return error instanceof Error && error.name !== '' ? error.name : '_OTHER';
}
