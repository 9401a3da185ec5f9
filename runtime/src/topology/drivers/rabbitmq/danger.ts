import type { ExchangeBinding } from '../../../contracts/rabbit-objects.ts';
import { counted, listed } from '../../../wording.ts';
import type { Danger, PropertyDifference } from '../../driver.ts';
import type { LiveQueue } from './model.ts';

/** RabbitMQ changes nothing of a queue once it is made. */
export function queueReplacement(live: LiveQueue, differences: readonly PropertyDifference[], foreignBindings: number): Danger {
  const losses = [counted(live.messages, 'message'), ...lostBindings(foreignBindings)];
  const cut = live.consumers > 0 ? ` and cutting off ${counted(live.consumers, 'consumer')}` : '';
  return {
    sentence: `deletes the queue and makes it anew (${fixed(differences)}), losing ${listed(losses)}${cut}; what is published meanwhile is unroutable`,
    ...amount(live),
  };
}

export function exchangeReplacement(differences: readonly PropertyDifference[], foreignBindings: number): Danger {
  const losses = foreignBindings > 0 ? `, losing ${listed(lostBindings(foreignBindings))}` : '';
  return { sentence: `deletes the exchange and makes it anew (${fixed(differences)})${losses}; what is published meanwhile is refused` };
}

export function queueLoss(live: LiveQueue, bindings: number): Danger {
  const losses = ['the queue', ...(bindings > 0 ? [counted(bindings, 'binding')] : []), counted(live.messages, 'message')];
  return { sentence: `deletes ${listed(losses)}`, ...amount(live) };
}

export function exchangeLoss(bindings: number): Danger {
  const losses = ['the exchange', ...(bindings > 0 ? [counted(bindings, 'binding')] : [])];
  return { sentence: `deletes ${listed(losses)}; what is published to it is refused from then on` };
}

export function bindingLoss({ source, destination, destinationType }: ExchangeBinding): Danger {
  return { sentence: `stops what reaches ${destinationType} ${destination} from exchange ${source} this way` };
}

function amount({ messages, bytes }: LiveQueue): Pick<Danger, 'messages' | 'bytes'> {
  // Bytes are collected later than messages are counted: zero of them says nothing about messages that are there.
  return { messages, ...(bytes !== undefined && (bytes > 0 || messages === 0) && { bytes }) };
}

function lostBindings(number: number): string[] {
  return number > 0 ? [`${counted(number, 'binding')} that nothing declares`] : [];
}

function fixed(differences: readonly PropertyDifference[]): string {
  return `${listed(differences.map(({ property }) => property))} cannot be changed`;
}
