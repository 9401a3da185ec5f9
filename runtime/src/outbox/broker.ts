import { MillraceError } from '../contracts/errors.ts';
import { Pause } from '../pause.ts';
import type { Transport } from '../transport.ts';

export interface BrokerParts {
  readonly transport: Transport;
  /** Holds the incarnation that progress refers to; null before the first. */
  readonly position: { incarnation: string | null };
  readonly watchMs: number;
  readonly warn: (message: string, details: object) => void;
}

/** Whether the broker still is the one that has acknowledged what progress says, and when that was last seen. */
export class Broker {
  readonly #parts: BrokerParts;
  #seenAt = Number.NEGATIVE_INFINITY;
  #unmarkedSight = false;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  /** It has taken an event, or has said who it is. */
  saw(): void {
    this.#seenAt = performance.now();
    this.#unmarkedSight = true;
  }

  /** Whether it was seen since this was last asked. */
  takeSight(): boolean {
    const seen = this.#unmarkedSight;
    this.#unmarkedSight = false;
    return seen;
  }

  /** Whether it is another one than progress refers to. An unreachable broker has not changed: publishing will find out. */
  async changed(): Promise<boolean> {
    const { transport, position, warn } = this.#parts;
    try {
      const incarnation = await transport.incarnation();
      if (position.incarnation !== null && incarnation !== position.incarnation) return true;
      position.incarnation = incarnation;
      this.saw();
    } catch (error) {
      warn('broker cannot be reached', { error: String(error) });
    }
    return false;
  }

  /** @throws {MillraceError} BROKER_LOST_EVENTS when it is another one. */
  async requireSame(): Promise<void> {
    if (await this.changed())
      throw new MillraceError('BROKER_LOST_EVENTS', 'the broker has another incarnation than when it acknowledged events');
  }

  /** Asks an idle broker who it is until `signal`: without new events nothing else would notice that it has forgotten some. */
  async watch(signal: AbortSignal): Promise<void> {
    const { watchMs } = this.#parts;
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      await new Pause().wait(watchMs, signal);
      if (performance.now() - this.#seenAt >= watchMs) await Promise.race([this.requireSame(), over]);
    }
  }
}
