import { both, declaring, passingOver, publishing } from '../lies.ts';
import { type Liar, never } from './liar.ts';

export const capabilityLiars: readonly Liar[] = [
  {
    check: 'groups',
    does: 'delivers to one group only',
    foundOut: never,
    lie: () => passingOver((_, { group }) => group.endsWith('-other')),
  },
  { check: 'groups', does: 'declares no groups and has them', foundOut: /declares no groups/, lie: () => declaring({ groups: false }) },
  {
    check: 'order',
    does: 'declares no order and ignores keys',
    foundOut: never,
    lie: () =>
      both(
        declaring({ order: 'none' }),
        passingOver(({ id }) => id === 'event-9'),
      ),
  },
  {
    check: 'history',
    does: 'keeps no history',
    foundOut: /what is read from the beginning/,
    lie: () => () => ({ read: async function* () {} }),
  },
  {
    check: 'history',
    does: 'begins behind the position it is asked for',
    foundOut: /what is read from the position/,
    lie: () => (honest) => ({
      read: async function* (topic, options) {
        let skip = typeof options.from === 'string' && options.from !== 'earliest';
        for await (const delivery of honest.read!(topic, options)) {
          if (!skip) yield delivery;
          skip = false;
        }
      },
    }),
  },
  {
    check: 'history',
    does: 'declares no history and has it',
    foundOut: /exactly when it declares/,
    lie: () => declaring({ history: false }),
  },
  {
    check: 'start',
    does: 'lets a group go on where it stood',
    foundOut: /what a group got that was started at/,
    lie: () => () => ({ startGroup: async () => undefined }),
  },
  {
    check: 'delay',
    does: 'ignores a delay',
    foundOut: /must not come sooner/,
    lie: () =>
      both(
        declaring({ delay: true }),
        publishing((honest) => (topic, events) => honest.publish(topic, events)),
      ),
  },
  {
    check: 'delay',
    does: 'declares a delay and refuses it',
    foundOut: /publishing with a delay must be/,
    lie: () => declaring({ delay: true }),
  },
  {
    check: 'delay',
    does: 'declares no delay and takes delayed events',
    foundOut: /by a driver that declares none/,
    lie: () => publishing((honest) => (topic, events) => honest.publish(topic, events)),
  },
  {
    check: 'fence',
    does: 'takes events of an older epoch',
    foundOut: /what became of epochs/,
    lie: () => publishing((honest) => (topic, events) => honest.publish(topic, events)),
  },
  { check: 'fence', does: 'declares no fencing and fences', foundOut: /what became of epochs/, lie: () => declaring({ fencing: false }) },
  {
    check: 'block',
    does: 'goes on with a key behind what was given up',
    foundOut: /whether the dead letters block/,
    lie: () => () => ({}),
    topology: (topology) => ({
      ...topology,
      topics: Object.fromEntries(Object.entries(topology.topics).map(([name, topic]) => [name, { ...topic, onExhausted: 'skip' }])),
    }),
  },
  {
    check: 'block',
    does: 'declares no blocking and blocks',
    foundOut: /by a driver that cannot/,
    lie: () => declaring({ blocking: false }),
  },
];
