import type { Topic } from '../contracts/topology.ts';
import type { BatchHandler, Delivery } from '../transport.ts';
import type { Message } from './message.ts';
import type { Lane, Source } from './source.ts';

/** What a consumer logs to; pino's loggers fit. */
export interface ConsumerLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Entries that vanished from a stream or partition before the group had handled them: trimmed too early, or deleted. */
export interface Loss {
  readonly topic: string;
  readonly group: string;
  /** Key of the stream, or `TOPIC/PARTITION`. */
  readonly stream: string;
  /** Positions that are gone; of Kafka the first and the last of the range. */
  readonly positions: readonly string[];
}

/** What every consumer is told, whatever the broker. */
export interface ConsumerSettings {
  readonly topicName: string;
  /** With the retry and dead letters of this subscription. */
  readonly topic: Topic;
  readonly group: string;
  /** `messaging.system` of telemetry. */
  readonly system: string;
  /** Name of this consumer, for people who look. */
  readonly consumer: string;
  readonly run: string;
  /** Handlers at once. */
  readonly concurrency: number;
  /** 1 for a handler of single events. */
  readonly maxBatch: number;
  /** Messages that are handled or ready. */
  readonly maxUnhandled: number;
  readonly handler: BatchHandler;
  readonly log: ConsumerLogger;
}

/** What becomes of a message that has failed its last attempt: gone, or in the way of the later ones of its key, or tried again after its pause. */
export type GivenUp = 'given up' | 'blocked' | 'again';

/** What a broker does with messages; lanes, attempts and their pauses are the worker's. */
export interface MessageBroker<S extends Source<S>> {
  /** Whether nobody else can have taken over the source by now. */
  isSure(source: S): boolean;
  /** Counts the attempt `message.attempt` before it begins, so that a message that kills its process is found out; undefined when there is nothing to wait for. May reject: then it has not begun. */
  begin(source: S, message: Message): Promise<unknown> | undefined;
  /** Acknowledges in its own time; until that is confirmed the message stays in `known`. @param onConfirmed told when nothing is left to acknowledge. */
  acknowledge(source: S, message: Message, onConfirmed: () => void): void;
  /** Sets a message aside after its last attempt, as its topic says. May throw: then it is tried again. */
  giveUp(lane: Lane<S>, message: Message): Promise<GivenUp>;
  /** Whether acknowledgements are not confirmed yet: what was handled must not look unhandled if the next event kills the process. */
  isOwing(): boolean;
  /** Whether an error of `begin` or `giveUp` says that somebody else has the source. */
  isSuperseded(error: unknown): boolean;
  /** Gives up a source that is not, or not surely, ours any more. */
  lose(source: S): void;
  lease?(source: S): NonNullable<Delivery['lease']>;
  /** The first message of the lane waits for another attempt. */
  onWait?(lane: Lane<S>): void;
  /** A message behind one that was given up and blocks is left on the server. */
  leave?(source: S, message: Message): void;
  /** The last message in memory of the lane is done. */
  onEmpty?(lane: Lane<S>): void;
}
