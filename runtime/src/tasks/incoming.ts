import type * as Amqp from 'amqplib';
import type { Failure } from '../dead-letters.ts';
import { uuidv7 } from '../outbox/uuid.ts';
import { header, headersOf, numberHeader, textHeader } from './message.ts';
import type { QueueDeclaration } from './names.ts';

/** What a message says of its past. */
export interface Incoming {
  readonly message: Amqp.ConsumeMessage;
  readonly id: string;
  /** Tells apart the copies of one task. */
  readonly key: string;
  readonly copies: number;
  /** Attempts before this copy. */
  readonly earlier: number;
  /** Deliveries of this copy that ended without an answer: its process or connection was lost, whether the handler had begun or not. */
  readonly returned: number;
  /** Attempts without an answer, those of earlier copies included. */
  readonly unanswered: number;
  readonly failures: readonly Failure[];
  /** Milliseconds since 1970; Infinity when it may wait for ever. */
  readonly expires: number;
}

/** A classic queue only says that a message was delivered before. */
export function incoming(message: Amqp.ConsumeMessage, { type }: QueueDeclaration): Incoming {
  const headers = headersOf(message);
  const { messageId } = message.properties as { messageId?: unknown };
  const id = typeof messageId === 'string' && messageId !== '' ? messageId : uuidv7();
  const copies = numberHeader(headers, header.copies) ?? 0;
  const earlier = numberHeader(headers, header.attempts) ?? 0;
  const counted = type === 'quorum' ? numberHeader(headers, 'x-delivery-count') : undefined;
  const returned = counted ?? (message.fields.redelivered ? 1 : 0);
  return {
    ...{ message, id, key: `${copies} ${id}`, copies, earlier, returned },
    unanswered: (numberHeader(headers, header.unanswered) ?? 0) + returned,
    failures: failuresIn(textHeader(headers, header.failures)),
    expires: numberHeader(headers, header.expires) ?? Number.POSITIVE_INFINITY,
  };
}

/** Another program may have written what it likes under our name; a history that cannot be read must not cost the task. */
function failuresIn(text: string | undefined): readonly Failure[] {
  if (text === undefined) return [];
  try {
    const failures: unknown = JSON.parse(text);
    return Array.isArray(failures) ? (failures as Failure[]) : [];
  } catch (error) {
    return [{ attempt: 0, message: `the history of failures is no JSON: ${String(error)}`, consumer: '' }];
  }
}
