import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { handling, handlingBatches, publishing, subscribing } from '../lies.ts';
import type { Liar } from './liar.ts';

export const deadLetterLiars: readonly Liar[] = [
  {
    check: 'dead',
    does: 'forgets the history of errors',
    foundOut: /the history of errors/,
    lie: () => (honest) => ({
      deadLetters(topic, group) {
        const dead = honest.deadLetters(topic, group);
        return {
          ...dead,
          async *list(options) {
            for await (const letter of dead.list(options)) yield { ...letter, failures: letter.failures.slice(-1) };
          },
        };
      },
    }),
  },
  {
    check: 'dead',
    does: 'keeps no dead letters',
    foundOut: /there are 1 dead letters/,
    lie: () => subscribing((options) => ({ ...options, deadLetter: false })),
  },
  {
    check: 'redrive',
    does: 'redrives to every group',
    foundOut: /what the other group got/,
    lie: () => (honest) => ({
      deadLetters(topic, group) {
        const dead = honest.deadLetters(topic, group);
        const redrive = async (ids: readonly string[]): Promise<number> => {
          for await (const { id, event } of dead.list()) if (ids.includes(id)) await honest.publish(topic, [event!]);
          return dead.drop(ids);
        };
        return { ...dead, redrive };
      },
    }),
  },
  {
    check: 'redrive',
    does: 'drops nothing',
    foundOut: /how many were dropped again/,
    lie: () => (honest) => ({
      deadLetters: (topic, group) => ({ ...honest.deadLetters(topic, group), drop: async ({ length }) => length }),
    }),
  },
  {
    check: 'rejected',
    does: 'tries again what was rejected',
    foundOut: /what was delivered must be/,
    lie: () =>
      handling(
        (handler) => (event, delivery) =>
          handler(event, delivery).catch((error: Error) => {
            throw new Error(error.message);
          }),
      ),
  },
  { check: 'options', does: 'takes no options', foundOut: /under 2 attempts/, lie: () => subscribing(({ group }) => ({ group })) },
  {
    check: 'options',
    does: 'keeps dead letters though it shall not',
    foundOut: /a subscription that keeps none/,
    lie: () => subscribing(({ deadLetter: _, ...options }) => options),
  },
];

export const batchLiars: readonly Liar[] = [
  {
    check: 'batches',
    does: 'hands over more than was asked for',
    foundOut: /must have at most 7/,
    lie: () => (honest) => ({
      subscribeBatches: (topic, options, handler) => honest.subscribeBatches(topic, { ...options, maxBatch: 21 }, handler),
    }),
  },
  {
    check: 'batches',
    does: 'hands over events one by one',
    foundOut: /must have several events/,
    lie: () => (honest) => ({
      subscribeBatches: (topic, options, handler) => honest.subscribeBatches(topic, { ...options, maxBatch: 1 }, handler),
    }),
  },
  {
    check: 'batches',
    does: 'turns a batch round',
    foundOut: /keys must keep their order/,
    lie: () => handlingBatches((handler) => (deliveries) => handler(deliveries.toReversed())),
  },
  {
    check: 'poison',
    does: 'gives up the whole batch',
    foundOut: /the other 19 events were handled/,
    lie: () =>
      handlingBatches((handler) => {
        const condemned = new Set<string>();
        return async (deliveries) => {
          if (deliveries.some(({ event }) => condemned.has(event.id)))
            throw new MillraceError('EVENT_REJECTED', 'was in a batch that failed');
          try {
            await handler(deliveries);
          } catch (error) {
            for (const { event } of deliveries) condemned.add(event.id);
            throw error;
          }
        };
      }),
  },
];

export const tenantLiars: readonly Liar[] = [
  {
    check: 'tenants',
    // One that ignores it can by chance give each consumer what is its own.
    does: 'takes another tenant for that of a consumer',
    foundOut: /must get its events only/,
    lie: () => subscribing((options) => (options.tenant === undefined ? options : { ...options, tenant: 'initech' })),
  },
  {
    check: 'tenantless',
    does: 'takes events without tenant',
    foundOut: /an event without tenant/,
    lie: () =>
      publishing(
        (honest) => (topic, events) =>
          honest.publish(
            topic,
            events.map((event) => ({ tenantid: 'nobody', ...event })),
          ),
      ),
  },
];
