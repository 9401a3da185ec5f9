import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { Delivery } from '../../../runtime/src/transport.ts';
import { declaring, handling, publishing, showing, subscribing } from '../lies.ts';
import { type Liar, never } from './liar.ts';

export const orderLiars: readonly Liar[] = [
  {
    check: 'order',
    does: 'publishes in another order than it is given',
    foundOut: /keys must keep their order/,
    lie: () =>
      publishing((honest) => async (topic, events, options) => [...(await honest.publish(topic, events.toReversed(), options))].reverse()),
  },
  {
    check: 'order',
    does: 'hands over the next event of a key before the last one is done',
    foundOut: /one after the other/,
    lie: () =>
      handling((handler) => async (event, delivery) => {
        void handler(event, delivery);
      }),
  },
  {
    check: 'apart',
    does: 'handles one event at a time, whatever its key',
    foundOut: never,
    lie: () => subscribing((options) => ({ ...options, concurrency: 1 })),
  },
];

export const redeliveryLiars: readonly Liar[] = [
  {
    check: 'attempts',
    does: 'takes failures for acknowledgements',
    foundOut: /the deliveries of a key with an event that fails twice/,
    lie: () => handling((handler) => (event, delivery) => handler(event, delivery).catch(() => undefined)),
  },
  {
    check: 'attempts',
    does: 'takes each attempt for the first',
    foundOut: /event-3 1|gave up|must be/,
    lie: () => showing((_, { attempt }) => ({ delivery: { attempt, redelivered: false } })),
  },
  {
    check: 'redelivery',
    does: 'acknowledges before it hands over',
    foundOut: never,
    lie: () =>
      handling((handler) => async (event, delivery) => {
        handler(event, delivery).catch(() => undefined);
      }),
  },
  {
    check: 'redelivery',
    does: 'declares no redelivery and delivers again',
    foundOut: /declares no redelivery must not deliver again/,
    lie: () => declaring({ redelivery: false }),
  },
  {
    check: 'acknowledged',
    does: 'forgets that an event was handled when the group is opened again',
    foundOut: /what the second consumer got/,
    lie() {
      const handled: [MillraceEvent, Delivery][] = [];
      return (honest) => ({
        subscribe: async (topic, options, handler) => {
          const [again] = handled;
          if (again !== undefined) await handler(...again);
          return honest.subscribe(topic, options, async (event, delivery) => {
            handled.push([event, delivery]);
            await handler(event, delivery);
          });
        },
      });
    },
  },
  {
    check: 'drain',
    does: 'does not wait for running handlers when it is closed',
    foundOut: /close must wait for the handler/,
    lie: () => (honest) => ({
      subscribe: async (...args) => {
        const subscription = await honest.subscribe(...args);
        const close = async () => void subscription.close();
        return { close, [Symbol.asyncDispose]: close };
      },
    }),
  },
  {
    check: 'drain',
    does: 'forgets the event that was in hand when it was closed',
    foundOut: /what was left for the next consumer/,
    lie() {
      let first: [MillraceEvent, Delivery] | undefined;
      return handling((handler) => {
        if (first !== undefined) void handler(...first);
        return async (event, delivery) => {
          first ??= [event, delivery];
          await handler(event, delivery);
        };
      });
    },
  },
  {
    check: 'signal',
    does: 'never aborts the signal of a delivery',
    foundOut: /the signal of the delivery is aborted/,
    lie: () => showing(() => ({ delivery: { signal: new AbortController().signal } })),
  },
  {
    check: 'long',
    does: 'hands over again what takes long',
    foundOut: /what two consumers got/,
    lie: () =>
      handling((handler) => async (event, delivery) => void (await Promise.all([handler(event, delivery), handler(event, delivery)]))),
  },
];
