import { both, handling, passingOver, publishing, showing, swallowing } from '../lies.ts';
import { type Liar, never, published } from './liar.ts';

export const deliveryLiars: readonly Liar[] = [
  { check: 'all', does: 'loses an event', foundOut: never, lie: () => passingOver(({ id }) => id === 'event-100') },
  {
    check: 'all',
    does: 'hands an event over twice',
    foundOut: /what was delivered must be/,
    lie: () =>
      handling((handler) => async (event, delivery) => {
        await handler(event, delivery);
        if (event.id === 'event-100') await handler(event, delivery);
      }),
  },
  {
    check: 'all',
    does: 'tells other positions than it gave',
    foundOut: /must tell the position/,
    lie: () => showing((_, { position }) => ({ delivery: { position: `${position}9` } })),
  },
  {
    check: 'before',
    does: 'begins a group at the end',
    foundOut: never,
    lie() {
      const early = new Set<string>();
      let isSubscribed = false;
      return both(
        publishing((honest) => (topic, events, options) => {
          if (!isSubscribed) for (const { id } of events) early.add(id);
          return honest.publish(topic, events, options);
        }),
        handling((handler) => {
          isSubscribed = true;
          return async (event, delivery) => {
            if (!early.has(event.id)) await handler(event, delivery);
          };
        }),
      );
    },
  },
  {
    check: 'publishers',
    does: 'forgets a call while another is under way',
    foundOut: never,
    lie: () =>
      publishing((honest) => {
        let underWay = false;
        return async (topic, events, options) => {
          if (underWay) return events.map(() => published);
          underWay = true;
          try {
            return await honest.publish(topic, events, options);
          } finally {
            underWay = false;
          }
        };
      }),
  },
  {
    check: 'refused',
    does: 'publishes events whose key waits for a refused one',
    foundOut: /the results of a batch/,
    lie: () =>
      publishing((honest) => async (topic, events, options) => {
        const results = await honest.publish(topic, events, options);
        const isHeld = (index: number) => {
          const result = results[index]!;
          return result.status === 'failed' && result.retriable;
        };
        const again = await honest.publish(
          topic,
          events.filter((_, index) => isHeld(index)),
          options,
        );
        let next = 0;
        return results.map((result, index) => (isHeld(index) ? again[next++]! : result));
      }),
  },
  {
    check: 'topics',
    does: 'delivers one topic of a group only',
    foundOut: never,
    lie: () => (honest) => ({
      subscribe: (topic, options, handler) => honest.subscribe(topic, options, topic.endsWith('.second') ? async () => undefined : handler),
    }),
  },
  {
    check: 'unknown',
    does: 'takes events for a topic that is not there',
    foundOut: /publishing to an unknown topic/,
    lie: () => swallowing(() => true),
  },
  {
    check: 'alive',
    does: 'is another incarnation at each question',
    foundOut: /the incarnation/,
    lie() {
      let asked = 0;
      return () => ({ incarnation: async () => String(asked++) });
    },
  },
  {
    check: 'abort',
    does: 'publishes under an aborted signal',
    foundOut: /the results under an aborted signal/,
    lie: () => publishing((honest) => (topic, events) => honest.publish(topic, events)),
  },
  {
    check: 'abort',
    does: 'says that it has not sent what it has sent',
    foundOut: /what was delivered after an aborted call/,
    lie: () =>
      publishing((honest) => async (topic, events, options) => {
        if (options?.signal !== undefined) await honest.publish(topic, events);
        return honest.publish(topic, events, options);
      }),
  },
  {
    check: 'lag',
    does: 'is never behind',
    foundOut: /the lag of both groups is 30/,
    lie: () => () => ({ lag: async () => ({ pending: 0, undelivered: 0 }) }),
  },
];

export const payloadLiars: readonly Liar[] = [
  {
    check: 'attributes',
    does: 'drops extensions',
    foundOut: /the extensions of event/,
    lie: () => showing(({ extensions: _, ...event }) => ({ event })),
  },
  {
    check: 'attributes',
    does: 'drops the key',
    foundOut: /attribute partitionkey/,
    lie: () => showing(({ partitionkey: _, ...event }) => ({ event })),
  },
  {
    check: 'attributes',
    does: 'adds an attribute that was not sent',
    foundOut: /attribute datacontenttype of event bare/,
    lie: () => showing((event) => ({ event: { datacontenttype: 'application/octet-stream', ...event } })),
  },
  {
    check: 'attributes',
    does: 'writes headers in Latin 1',
    foundOut: /attribute subject/,
    lie: () => showing((event) => ({ event: { ...event, subject: Buffer.from(event.subject ?? '', 'latin1').toString() } })),
  },
  {
    check: 'payloads',
    does: 'swallows large payloads',
    foundOut: never,
    lie: () => swallowing(({ data }) => (data?.byteLength ?? 0) > 900_000),
  },
  {
    check: 'payloads',
    does: 'reads data as text',
    foundOut: /must arrive with its 256 bytes/,
    lie: () => showing((event) => ({ event: { ...event, data: Buffer.from(Buffer.from(event.data ?? []).toString('utf8')) } })),
  },
];
