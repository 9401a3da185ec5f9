import type { Danger, PropertyDifference } from '../../driver.ts';
import type { Binding, LiveQueue } from './objects.ts';

/** RabbitMQ changes nothing of a queue once it is made. */
export function queueReplacement(live: LiveQueue, differences: readonly PropertyDifference[], foreignBindings: number): Danger {
  const losses = [
    `loses ${count(live.messages, 'message')}`,
    ...(live.consumers > 0 ? [`cuts off ${count(live.consumers, 'consumer')}`] : []),
    ...lostBindings(foreignBindings),
  ];
  return {
    sentence: `makes the queue anew, because ${namesOf(differences)} cannot be changed: ${listed(losses)}; what is published meanwhile is unroutable`,
    ...amount(live),
  };
}

export function exchangeReplacement(differences: readonly PropertyDifference[], foreignBindings: number): Danger {
  const losses = ['refuses what is published meanwhile', ...lostBindings(foreignBindings)];
  return { sentence: `makes the exchange anew, because ${namesOf(differences)} cannot be changed: ${listed(losses)}` };
}

export function queueLoss(live: LiveQueue, bindings: number): Danger {
  const losses = ['the queue', ...(bindings > 0 ? [count(bindings, 'binding')] : []), count(live.messages, 'message')];
  return { sentence: `deletes ${listed(losses)}`, ...amount(live) };
}

export function exchangeLoss(bindings: number): Danger {
  const losses = ['the exchange', ...(bindings > 0 ? [count(bindings, 'binding')] : [])];
  return { sentence: `deletes ${listed(losses)}; what is published to it is refused from then on` };
}

export function bindingLoss({ source, destination, destinationType }: Binding): Danger {
  return { sentence: `stops what reaches ${destinationType} ${destination} from exchange ${source} this way` };
}

function amount({ messages, bytes }: LiveQueue): Pick<Danger, 'messages' | 'bytes'> {
  // Bytes are collected later than messages are counted: zero of them says nothing about messages that are there.
  return { messages, ...(bytes !== undefined && (bytes > 0 || messages === 0) && { bytes }) };
}

function lostBindings(number: number): string[] {
  return number > 0 ? [`loses ${count(number, 'binding')} that nothing declares`] : [];
}

function namesOf(differences: readonly PropertyDifference[]): string {
  return listed(differences.map(({ property }) => property));
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
