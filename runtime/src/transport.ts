import type { MillraceEvent } from './contracts/event.ts';
import type { Topic, TransportKind } from './contracts/topology.ts';
import type { DeadLetters } from './dead-letters.ts';

/**
 * What a broker is to Millrace. A driver declares what it can do in `capabilities`; one conformance suite proves each declaration on a real server.
 *
 * Guaranteed by every driver: an event counts as published only after the broker's acknowledgement; delivery is at least once. Not guaranteed by any:
 * that an event arrives once only. Effects happen once where the consumer uses the inbox.
 */
export interface Transport extends AsyncDisposable {
  readonly kind: TransportKind;
  readonly capabilities: Capabilities;
  /** Publishes in the order given. Per key nothing is published after a failed event; results are in the order of `events`. */
  publish(topic: string, events: readonly MillraceEvent[], options?: PublishOptions): Promise<readonly PublishResult[]>;
  /**
   * Delivers the events of `topic` to `handler`, as one member of `options.group`, until the subscription or the transport is closed.
   *
   * @throws {MillraceError} SUBSCRIPTION_INVALID when the topic does not offer what `options` ask for; TOPIC_UNKNOWN when it is not in the topology or not
   * routed here; CONNECTION_CLOSED after `close()`.
   */
  subscribe(topic: string, options: SubscribeOptions, handler: Handler): Promise<Subscription>;
  /** As `subscribe`, handing over what waits, at most `maxBatch` events at once. A batch that fails is delivered again one event at a time. */
  subscribeBatches(topic: string, options: BatchOptions, handler: BatchHandler): Promise<Subscription>;
  /** Events kept by the broker, oldest first, without touching any group. Absent where the broker keeps no history. */
  read?(topic: string, options: ReadOptions): AsyncIterable<Delivery>;
  /**
   * Lets a group that has no consumer at present begin at `from`, wherever it stood. Absent where the broker keeps no history.
   *
   * @throws {MillraceError} SUBSCRIPTION_INVALID when the group has consumers of the topic.
   */
  startGroup?(topic: string, group: string, from: 'earliest' | 'latest' | Date): Promise<void>;
  /** What `group` has given up of `topic`. */
  deadLetters(topic: string, group: string): DeadLetters;
  lag(topic: string, group: string): Promise<{ pending: number; undelivered: number }>;
  /** Changes whenever acknowledged events may have been forgotten, as after an asynchronous fail-over. Asked before the first publish on a new connection. */
  incarnation(): Promise<string>;
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Capabilities {
  /** Events of one key reach a group one after the other, in the order of their publication. */
  readonly order: 'key' | 'none';
  /** `read` and `startGroup`. */
  readonly history: boolean;
  /** What was not acknowledged comes again, also to another process. */
  readonly redelivery: boolean;
  readonly groups: boolean;
  /** `delayMs` of `publish`. */
  readonly delay: boolean;
  /** The broker itself refuses an older epoch. */
  readonly fencing: boolean;
  /** `onExhausted: 'block'`: the later events of a key wait behind one that was given up. */
  readonly blocking: boolean;
}

/** Who publishes: `producer` names the log, an older `epoch` of the same producer is refused where the broker can fence. */
export interface Fence {
  readonly producer: string;
  readonly epoch: bigint;
}
export interface PublishOptions {
  readonly fence?: Fence;
  readonly signal?: AbortSignal;
  /** Delivers no sooner than so many milliseconds from now, behind what is published meanwhile. Refused (DELAY_UNSUPPORTED) without the capability. */
  readonly delayMs?: number;
}
export type PublishResult =
  | { readonly status: 'published'; readonly position: string }
  | { readonly status: 'failed'; readonly retriable: boolean; readonly error: Error };

export interface SubscribeOptions {
  /** Consumers of one group share the events; each group gets all of them. */
  readonly group: string;
  /** Handlers at once in this process; events of one key still run one after the other. @default the consumer's in the topology, else 1 */
  readonly concurrency?: number;
  /** @default the topic's */
  readonly retry?: Partial<Topic['retry']>;
  /** Whether what was given up is kept, with the history of its errors. @default the topic's */
  readonly deadLetter?: boolean;
  /** The one tenant to read, of a topic with isolation `tenant`. @default every tenant */
  readonly tenant?: string;
  /** Name of a replay, passed on in each delivery, so that the inbox does not take it for live consumption. @default empty: live */
  readonly run?: string;
}
/** Returning acknowledges; throwing asks for another delivery, after a backoff, until the topic's attempts are exhausted. */
export type Handler = (event: MillraceEvent, delivery: Delivery) => Promise<void>;
export interface BatchOptions extends SubscribeOptions {
  /** @default 100 */
  readonly maxBatch?: number;
}
/** Events of several keys, those of one key in order. Returning acknowledges all; throwing has each delivered again, alone. */
export type BatchHandler = (deliveries: readonly Delivery[]) => Promise<void>;
export interface Subscription extends AsyncDisposable {
  close(): Promise<void>;
}

export interface ReadOptions {
  /** A position, itself included; a time; or the beginning. */
  readonly from: 'earliest' | string | Date;
  /** Only events of this tenant. @default all */
  readonly tenant?: string;
  readonly signal?: AbortSignal;
}

export interface Delivery {
  readonly topic: string;
  readonly group: string;
  readonly event: MillraceEvent;
  readonly position: string;
  /** 1 for the first delivery, counted across processes where the broker does. */
  readonly attempt: number;
  readonly redelivered: boolean;
  /** Empty when live, or in a replay of what was missed; the name of the replay otherwise. */
  readonly run: string;
  /** Aborted when the shard is lost to another consumer or the subscription closes. */
  readonly signal: AbortSignal;
  /** Passed to the inbox, which refuses the effects of a holder that was superseded. */
  readonly lease?: { readonly scope: string; readonly fence: bigint };
}
