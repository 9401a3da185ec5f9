import type { RabbitDelivery, RabbitSetup } from '../connections/rabbitmq/index.ts';

/** The consumption of one queue, over all channels. */
export interface Intake {
  /** A fresh channel is there; for the setup of a consumer. */
  renew(setup: RabbitSetup): Promise<void>;
  /**
   * Resolves when no more deliveries come. Never rejects: a channel that is lost meanwhile delivers nothing.
   *
   * For good only: RabbitMQ counts a message as lost that meets the end of its consumption on the way.
   */
  stop(): Promise<void>;
  /** Resolves when the broker has seen what was acknowledged until now. Never rejects. */
  flush(): Promise<void>;
}

export function openIntake(queue: string, prefetch: number, onDelivery: (delivery: RabbitDelivery) => void): Intake {
  let present: { readonly setup: RabbitSetup; readonly tag: string } | undefined;
  return {
    async renew(setup) {
      await setup.channel.prefetch(prefetch);
      present = { setup, tag: await setup.consume(queue, onDelivery) };
    },
    async stop() {
      await present?.setup.channel.cancel(present.tag).catch(() => undefined);
    },
    async flush() {
      await present?.setup.channel.prefetch(prefetch).catch(() => undefined); // for its answer: the broker takes a channel's requests in turn
    },
  };
}
