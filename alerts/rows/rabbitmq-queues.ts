import { prometheusName, type SignalName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';
import { shareOfMany } from './shares.ts';

const ofQueue = ['service', 'queue'] as const;
const depth: SignalName = 'rabbitmq.queue.depth';
const consumers: SignalName = 'rabbitmq.queue.consumers';
const unacknowledged: SignalName = 'rabbitmq.queue.unacknowledged';
const dead: SignalName = 'rabbitmq.queue.dead_letters';
const share = shareOfMany({ of: dead, among: 'rabbitmq.queue.sources_published', by: ofQueue });

const sumOf = (name: SignalName): string => `sum by (${ofQueue.join(', ')}) (${prometheusName(name)}{service=~"$services"})`;
const match = `on (${ofQueue.join(', ')})`;

/** Declared queues, each by itself. RabbitMQ 4 tells CloudWatch nothing of queues; the probe asks. */
export const rabbitQueueRows: readonly AlertRow[] = [
  {
    id: 'rabbitmq-queue-unconsumed',
    subject: 'rabbitmq',
    title: 'Nobody reads a queue that has messages',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 300 }, critical: { threshold: 0, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [
      {
        ...{ of: 'probe', queues: 'working', periodSeconds: 60 },
        ...{ expression: 'IF(readers < 1, waiting, 0)', signals: { waiting: depth, readers: consumers } },
      },
    ],
    // A queue of dead letters waits for a person.
    prometheus: { expression: `${sumOf(depth)} unless ${match} (${sumOf(consumers)} > 0) unless ${match} ${sumOf(dead)}`, by: ofQueue },
    why: 'The service that does this work is down: mails, documents or calls that users wait for are not made, and those with a time limit die.',
    source: 'a consumer reconnects within seconds; 15 minutes without any are no deployment',
  },
  {
    id: 'rabbitmq-queue-depth',
    subject: 'rabbitmq',
    title: 'Many messages wait in a queue',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: { small: 1_000, medium: 10_000, large: 100_000 }, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: depth, periodSeconds: 60 }],
    prometheus: { signal: depth },
    why: 'Tasks of users wait minutes instead of seconds; a queue that goes on growing takes memory and disk until nothing can be published.',
    source: 'a minute and a half of all the requests that the size is meant for: 1, 10 and 100 million a day',
  },
  {
    id: 'rabbitmq-unacknowledged',
    subject: 'rabbitmq',
    title: 'Consumers of a queue hold many messages that they do not acknowledge',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: 100, forSeconds: 600 } },
    missing: 'fine',
    cloudWatch: [
      {
        ...{ of: 'probe', queues: 'working', periodSeconds: 60 },
        ...{ expression: 'held / IF(readers > 1, readers, 1)', signals: { held: unacknowledged, readers: consumers } },
      },
    ],
    prometheus: { expression: `${sumOf(unacknowledged)} / ${match} clamp_min(${sumOf(consumers)}, 1)`, by: ofQueue },
    why: 'They hang, or take more than they can do: these tasks are not done for their users, and after 30 minutes RabbitMQ closes the channel.',
    source: 'requirement of the event bus: pending per consumer > 100',
  },
  {
    id: 'rabbitmq-dead-letters',
    subject: 'rabbitmq',
    title: 'Messages lie in a queue of dead letters',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 30 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: dead, queues: 'dead-letter', periodSeconds: 60 }],
    prometheus: { signal: dead },
    why: 'Tasks were given up or came too late: what users asked for has not happened, and does not before a person decides.',
    source: 'requirement of every service: dead letters > 0',
  },
  {
    id: 'rabbitmq-dead-letter-ratio',
    subject: 'rabbitmq',
    title: 'More than one message in a thousand becomes a dead letter',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0.001, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', queues: 'dead-letter', periodSeconds: 3_600, ...share.cloudWatch }],
    prometheus: share.prometheus,
    why: 'This is no single bad task: a consumer fails for whole groups of users, or is so slow that tasks run out of time.',
    source: 'requirement of every service: dead letters > 0.1 % of messages; of an hour, and of at least 5,000 messages',
  },
];
