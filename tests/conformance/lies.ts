import type { MillraceEvent } from '../../runtime/src/contracts/event.ts';
import type { BatchHandler, Capabilities, Delivery, Handler, SubscribeOptions, Transport } from '../../runtime/src/transport.ts';

/** What a transport does in place of the honest one's. */
export type Lie = (honest: Transport) => Partial<Transport>;

/** Says something else than it does. */
export function declaring(change: Partial<Capabilities>): Lie {
  return ({ capabilities }) => ({ capabilities: { ...capabilities, ...change } });
}

/** Puts something between the broker and the handler. */
export function handling(change: (handler: Handler, options: SubscribeOptions, honest: Transport) => Handler): Lie {
  return (honest) => ({
    subscribe: (topic, options, handler) => honest.subscribe(topic, options, change(handler, options, honest)),
  });
}

export function handlingBatches(change: (handler: BatchHandler) => BatchHandler): Lie {
  return (honest) => ({ subscribeBatches: (topic, options, handler) => honest.subscribeBatches(topic, options, change(handler)) });
}

/** Shows handlers other events or deliveries than came. */
export function showing(
  change: (event: MillraceEvent, delivery: Delivery) => { event?: MillraceEvent; delivery?: Partial<Delivery> },
): Lie {
  return handling((handler) => (event, delivery) => {
    const shown = change(event, delivery);
    const seen = shown.event ?? event;
    return handler(seen, { ...delivery, event: seen, ...shown.delivery });
  });
}

/** Acknowledges some events without handing them over. */
export function passingOver(isPassedOver: (event: MillraceEvent, options: SubscribeOptions) => boolean): Lie {
  return handling((handler, options) => async (event, delivery) => {
    if (!isPassedOver(event, options)) await handler(event, delivery);
  });
}

/** Subscribes with other options than it was given. */
export function subscribing(change: (options: SubscribeOptions) => SubscribeOptions): Lie {
  return (honest) => ({ subscribe: (topic, options, handler) => honest.subscribe(topic, change(options), handler) });
}

export function publishing(change: (honest: Transport) => Transport['publish']): Lie {
  return (honest) => ({ publish: change(honest) });
}

/** Says `published` of events that it does not send. */
export function swallowing(isSwallowed: (event: MillraceEvent) => boolean): Lie {
  return publishing((honest) => async (topic, events, options) => {
    const sent = await honest.publish(
      topic,
      events.filter((event) => !isSwallowed(event)),
      options,
    );
    let next = 0;
    return events.map((event) => (isSwallowed(event) ? { status: 'published', position: '0-0' } : sent[next++]!));
  });
}

/** Tells one lie of what another tells. */
export function both(first: Lie, second: Lie): Lie {
  return (honest) => {
    const told = first(honest);
    return { ...told, ...second({ ...honest, ...told }) };
  };
}
