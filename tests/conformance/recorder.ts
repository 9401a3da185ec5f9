import type { MillraceEvent } from '../../runtime/src/contracts/event.ts';
import type { Delivery, Handler, PublishOptions, Transport } from '../../runtime/src/transport.ts';
import { type Ground, must } from './check.ts';

/** What a handler was given, in order. */
export interface Recorder {
  readonly deliveries: Delivery[];
  readonly handler: Handler;
  ids(): string[];
  /** Waits until each of `events` was handed over. */
  has(ground: Ground, events: readonly MillraceEvent[]): Promise<void>;
}

/** @param then what the handler does besides. */
export function recorder(then?: Handler): Recorder {
  const deliveries: Delivery[] = [];
  const ids = (): string[] => deliveries.map(({ event }) => event.id);
  return {
    deliveries,
    ids,
    async handler(event, delivery) {
      deliveries.push(delivery);
      await then?.(event, delivery);
    },
    async has(ground, events) {
      const missing = (): string[] => {
        const seen = new Set(ids());
        return events.map(({ id }) => id).filter((id) => !seen.has(id));
      };
      try {
        await ground.eventually('all events were delivered', () => missing().length === 0);
      } catch (error) {
        const left = missing();
        throw new Error(`${left.length} of ${events.length} events were never delivered, the first is ${left[0]}`, { cause: error });
      }
    },
  };
}

/** Publishes and expects that the broker takes all of it. @returns the positions */
export async function publishAll(
  transport: Transport,
  topic: string,
  events: readonly MillraceEvent[],
  options?: PublishOptions,
): Promise<string[]> {
  const results = await transport.publish(topic, events, options);
  must(results.length === events.length, `publish must have a result for each of ${events.length} events, got ${results.length}`);
  return results.map((result, index) => {
    if (result.status === 'failed') throw new Error(`event ${events[index]!.id} was not published`, { cause: result.error });
    return result.position;
  });
}

/** What has become of each event: `published`, or the code of its failure. */
export async function outcomes(
  transport: Transport,
  topic: string,
  events: readonly MillraceEvent[],
  options?: PublishOptions,
): Promise<string[]> {
  const results = await transport.publish(topic, events, options);
  return results.map((result) => {
    if (result.status === 'published') return 'published';
    return 'code' in result.error ? String(result.error.code) : String(result.error);
  });
}

/** The code that `work` rejects with; `nothing` when it does not. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}
