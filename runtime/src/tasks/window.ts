import type { RabbitPublisher } from '../connections/rabbitmq/index.ts';
import type { Parcel } from './message.ts';

/** Messages of one channel that wait for the broker's answer; the next ones wait for their turn here. RabbitMQ advises some hundreds. */
const windowSize = 500;

/** Publishes, at most `windowSize` at once. @throws {MillraceError} as `RabbitPublisher.publish` */
export type Publish = (exchange: string, routingKey: string, parcel: Parcel) => Promise<void>;

/** Those that wait for a turn, first come first served. */
interface Turn {
  readonly take: () => void;
  next: Turn | undefined;
}

/** `publisher`, which refuses what is more than it can have under way, with a queue before it. */
export function windowed(publisher: RabbitPublisher): Publish {
  let free = windowSize;
  let first: Turn | undefined;
  let last: Turn | undefined;
  const turn = (): Promise<void> =>
    new Promise((take) => {
      const own: Turn = { take, next: undefined };
      if (last === undefined) first = own;
      else last.next = own;
      last = own;
    });
  const pass = (): void => {
    if (first === undefined) {
      free += 1;
      return;
    }
    const { take, next } = first;
    first = next;
    if (next === undefined) last = undefined;
    take();
  };
  return async (exchange, routingKey, { content, options }) => {
    if (free > 0) free -= 1;
    else await turn();
    try {
      await publisher.publish(exchange, routingKey, content, options);
    } finally {
      pass();
    }
  };
}
