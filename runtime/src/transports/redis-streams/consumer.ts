import type { Redis } from 'ioredis';
import type { Topic } from '../../contracts/topology.ts';
import type { Handler } from '../../transport.ts';
import type { HeldStream } from './held-stream.ts';
import type { Holder } from './lease.ts';

/** What a consumer logs to; pino's loggers fit. */
export interface ConsumerLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Entries that vanished from a stream before the group had handled them: trimmed too early, or deleted. */
export interface Loss {
  readonly topic: string;
  readonly group: string;
  readonly stream: string;
  readonly positions: readonly string[];
}

/** What the parts of one subscription share. */
export interface Consumer extends Holder {
  readonly topicName: string;
  readonly topic: Topic;
  readonly run: string;
  readonly concurrency: number;
  readonly maxUnhandled: number;
  readonly handler: Handler;
  /** For short commands; not the connection that blocks. */
  readonly control: Redis;
  readonly log: ConsumerLogger;
  readonly onLoss: (loss: Loss) => void;
  readonly held: Map<string, HeldStream>;
  /** Gives up a stream that is not, or not surely, ours any more. */
  lose(held: HeldStream): void;
}
