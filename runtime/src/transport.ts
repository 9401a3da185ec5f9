import type { MillraceEvent } from './contracts/event.ts';
import type { TransportKind } from './contracts/topology.ts';

/**
 * What a broker is to Millrace. A driver declares what it can do in `capabilities`; the driver's tests prove each declaration on a real server.
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
  /** Events kept by the broker, oldest first, without touching any group. Absent where the broker keeps no history. */
  read?(topic: string, options: { from: 'earliest' | string | Date; signal?: AbortSignal }): AsyncIterable<Delivery>;
  lag(topic: string, group: string): Promise<{ pending: number; undelivered: number }>;
  /** Changes whenever acknowledged events may have been forgotten, as after an asynchronous fail-over. Asked before the first publish on a new connection. */
  incarnation(): Promise<string>;
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Capabilities {
  readonly order: 'key' | 'none';
  readonly history: boolean;
  readonly redelivery: boolean;
  readonly groups: boolean;
  readonly delay: boolean;
  readonly fencing: boolean;
}

/** Who publishes: `producer` names the log, an older `epoch` of the same producer is refused where the broker can fence. */
export interface Fence {
  readonly producer: string;
  readonly epoch: bigint;
}
export interface PublishOptions {
  readonly fence?: Fence;
  readonly signal?: AbortSignal;
}
export type PublishResult =
  | { readonly status: 'published'; readonly position: string }
  | { readonly status: 'failed'; readonly retriable: boolean; readonly error: Error };

export interface SubscribeOptions {
  /** Consumers of one group share the events; each group gets all of them. */
  readonly group: string;
  /** Handlers at once in this process; events of one key still run one after the other. @default the consumer's in the topology, else 1 */
  readonly concurrency?: number;
  /** The one tenant to read, of a topic with isolation `tenant`. @default every tenant */
  readonly tenant?: string;
  /** Name of a replay, passed on in each delivery, so that the inbox does not take it for live consumption. @default empty: live */
  readonly run?: string;
}
/** Returning acknowledges; throwing asks for another delivery, after a backoff, until the topic's attempts are exhausted. */
export type Handler = (event: MillraceEvent, delivery: Delivery) => Promise<void>;
export interface Subscription extends AsyncDisposable {
  close(): Promise<void>;
}

export interface Delivery {
  readonly topic: string;
  readonly group: string;
  readonly event: MillraceEvent;
  readonly position: string;
  /** 1 for the first delivery, counted across processes where the broker does. */
  readonly attempt: number;
  readonly redelivered: boolean;
  /** Empty when live; the name of the replay otherwise. */
  readonly run: string;
  /** Aborted when the shard is lost to another consumer or the subscription closes. */
  readonly signal: AbortSignal;
  /** Passed to the inbox, which refuses the effects of a holder that was superseded. */
  readonly lease?: { readonly scope: string; readonly fence: bigint };
}
