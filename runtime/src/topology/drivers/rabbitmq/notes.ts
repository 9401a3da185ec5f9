import { objectName } from '../../../contracts/object-names.ts';
import type { Note } from '../../driver.ts';
import type { Declared, Live, LiveQueue, Queue } from './model.ts';

/** Of two numbers, RabbitMQ takes the lower one. */
const lowestHolds = ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit'];
/** Here the queue's argument comes before a policy; without an argument the policy holds. */
const argumentHolds = ['dead-letter-exchange', 'dead-letter-routing-key', 'dead-letter-strategy'];
const policyHolds = ['overflow'];

/** Where RabbitMQ 4 begins, a quorum queue gives a message up that was delivered again 20 times, unless its declaration says otherwise. */
const versionOfDefaultLimit = 4;

/**
 * What a person should know about the broker and no change mends.
 *
 * A policy is seen up to 5 s after the queue or the policy was made: it comes with the queue's figures.
 */
export function notesOn(service: string, declared: Declared, live: Live, mirrors: readonly string[]): Note[] {
  const liveQueues = new Map(live.queues.map((queue) => [queue.name, queue]));
  return [
    ...declared.queues.flatMap((queue) => policyNote(service, queue, liveQueues.get(queue.name))),
    ...(Number.parseInt(live.version, 10) >= versionOfDefaultLimit ? declared.queues.flatMap((queue) => limitNote(service, queue)) : []),
    ...mirrors.map(
      (topic): Note => ({
        level: 'info',
        name: objectName(service, 'exchange', topic),
        sentence:
          'is a mirror: the queues of its groups keep every event until consumers move here, for RabbitMQ has no history to begin from',
      }),
    ),
  ];
}

function policyNote(service: string, { name, arguments: own }: Queue, live: LiveQueue | undefined): Note[] {
  const settings = Object.entries(live?.policyDefinition ?? {}).filter(([key, value]) => overrides(key, value, own[`x-${key}`]));
  if (live === undefined || settings.length === 0) return [];
  const told = settings.map(([key, value]) => `${key} ${JSON.stringify(value)} instead of ${declaredText(own[`x-${key}`])}`).join(', ');
  return [
    {
      level: 'problem',
      name: objectName(service, 'queue', name),
      sentence: `policy ${live.policies.join(' and ')} gives it ${told}; declare that, or remove it with rabbitmqctl clear_policy or clear_operator_policy`,
    },
  ];
}

function overrides(key: string, value: unknown, own: unknown): boolean {
  if (value === own) return false;
  if (lowestHolds.includes(key)) return typeof own !== 'number' || typeof value !== 'number' || value < own;
  return policyHolds.includes(key) || (argumentHolds.includes(key) && own === undefined);
}

function declaredText(own: unknown): string {
  return own === undefined ? 'none' : JSON.stringify(own);
}

function limitNote(service: string, { name, arguments: own }: Queue): Note[] {
  if (own['x-queue-type'] !== 'quorum' || own['x-delivery-limit'] !== undefined || own['x-dead-letter-exchange'] !== undefined) return [];
  return [
    {
      level: 'info',
      name: objectName(service, 'queue', name),
      sentence:
        'drops a message that consumers have returned more than 20 times, as RabbitMQ does from version 4 on; consumers should not return without end',
    },
  ];
}
