import type { Redis } from 'ioredis';
import type { ConsumerSettings, Loss } from '../../consuming/consumer.ts';
import type { HeldStream } from './held-stream.ts';
import type { Holder } from './lease.ts';

/** What the parts of one subscription share. */
export interface Consumer extends ConsumerSettings, Holder {
  /** For short commands; not the connection that blocks. */
  readonly control: Redis;
  readonly onLoss: (loss: Loss) => void;
  readonly held: Map<string, HeldStream>;
  /** Gives up a stream that is not, or not surely, ours any more. */
  lose(held: HeldStream): void;
}
