import type { Buffer } from 'node:buffer';
import type { RabbitDelivery } from '../connections/rabbitmq/index.ts';

/** What goes back to a caller. */
export interface Answer {
  readonly content: Buffer;
  readonly contentType?: string;
  /** Of a failure; `content` is then its message. */
  readonly errorCode?: string;
}

interface Known {
  /** Requests under this id that wait for the answer. */
  readonly deliveries: RabbitDelivery[];
  readonly deadline: number;
  answer: Answer | undefined;
}

/** The requests of this process: those under way, and the answers of late, for requests that are sent again. */
export interface Answers {
  get(id: string): Known | undefined;
  begin(id: string, deliveries: RabbitDelivery[], deadline: number): void;
  keep(id: string, answer: Answer): void;
  forget(id: string): void;
}

const mostAnswers = 10_000;
const mostBytes = 16 * 2 ** 20;

export function openAnswers(): Answers {
  const known = new Map<string, Known>();
  /** Ids of those that are answered, oldest first. */
  const answered = new Set<string>();
  let bytes = 0;
  const forget = (id: string): void => {
    bytes -= known.get(id)?.answer?.content.length ?? 0;
    known.delete(id);
    answered.delete(id);
  };
  return {
    get: (id) => known.get(id),
    begin: (id, deliveries, deadline) => void known.set(id, { deliveries, deadline, answer: undefined }),
    keep(id, answer) {
      known.get(id)!.answer = answer;
      answered.add(id);
      bytes += answer.content.length;
      const now = Date.now();
      for (const oldest of answered) {
        // A caller that sends again does so before its deadline.
        if (answered.size <= mostAnswers && bytes <= mostBytes && known.get(oldest)!.deadline > now) break;
        forget(oldest);
      }
    },
    forget,
  };
}
