import { bindingName, type ObjectKind, objectName } from '../../../contracts/object-names.ts';
import { isTenantQueue } from '../../../contracts/rabbit-names.ts';
import type { ExchangeBinding } from '../../../contracts/rabbit-objects.ts';
import { allOf, differencesBetween, type Properties } from '../../differences.ts';
import type { Change, Danger } from '../../driver.ts';
import { bindingLoss, exchangeLoss, exchangeReplacement, queueLoss, queueReplacement } from './danger.ts';
import {
  bindingProperties,
  type Declared,
  type Exchange,
  exchangeProperties,
  type Live,
  type LiveBinding,
  type LiveQueue,
  type Queue,
  queueProperties,
} from './model.ts';

/** What is to be done about one object. `bindings` go with an object that is made again, and are made again with it. */
export type Step =
  | {
      readonly do: 'make-queue';
      readonly declared: Queue;
      readonly live: LiveQueue | undefined;
      readonly bindings: readonly ExchangeBinding[];
    }
  | {
      readonly do: 'make-exchange';
      readonly declared: Exchange;
      readonly live: Exchange | undefined;
      readonly bindings: readonly ExchangeBinding[];
    }
  | { readonly do: 'bind'; readonly declared: ExchangeBinding }
  | { readonly do: 'delete-queue'; readonly live: LiveQueue }
  | { readonly do: 'delete-exchange'; readonly live: Exchange }
  | { readonly do: 'unbind'; readonly live: LiveBinding };

export interface PlannedChange {
  readonly change: Change;
  readonly step: Step;
}

/** Names of the queues that a change would delete, whose messages are worth an exact count. */
export function doomedQueues(declared: Declared, live: Live): string[] {
  const wanted = byName(declared.queues);
  const doomed = live.queues.filter((queue) => {
    const own = wanted.get(queue.name);
    return own === undefined ? isForeign(queue, declared) : differencesBetween(queueProperties(own), queueProperties(queue)).length > 0;
  });
  return doomed.map(({ name }) => name);
}

/**
 * What differs on `service`, in an order in which it can be carried out: first everything is made that is missing, then made again what cannot be changed,
 * then bound, and last deleted what nothing declares.
 */
export function compare(service: string, declared: Declared, live: Live): PlannedChange[] {
  const exchanges = declared.exchanges.flatMap((exchange) => planExchange(service, exchange, declared, live));
  const queues = declared.queues.flatMap((queue) => planQueue(service, queue, declared, live));
  const made = [...exchanges, ...queues];
  return [
    ...made.filter(({ change }) => change.action === 'create'),
    ...made.filter(({ change }) => change.action === 'replace'),
    ...planBindings(service, declared, live),
    ...planDeletions(service, declared, live),
  ];
}

function planExchange(service: string, declared: Exchange, all: Declared, { exchanges, bindings }: Live): PlannedChange[] {
  const live = exchanges.find(({ name }) => name === declared.name);
  const name = objectName(service, 'exchange', declared.name);
  const wanted = exchangeProperties(declared);
  if (live === undefined) {
    const step = { do: 'make-exchange', declared, live, bindings: [] } as const;
    return [{ step, change: { name, action: 'create', differences: allOf(wanted) } }];
  }
  const differences = differencesBetween(wanted, exchangeProperties(live));
  if (differences.length === 0) return [];
  const attached = bindings.filter((binding) => concerns(binding, 'exchange', declared.name));
  const step = { do: 'make-exchange', declared, live, bindings: ownAmong(attached, all) } as const;
  const danger = exchangeReplacement(differences, attached.length - step.bindings.length);
  return [{ step, change: { name, action: 'replace', differences, danger } }];
}

function planQueue(service: string, declared: Queue, all: Declared, { queues, bindings }: Live): PlannedChange[] {
  const live = queues.find(({ name }) => name === declared.name);
  const name = objectName(service, 'queue', declared.name);
  const wanted = queueProperties(declared);
  if (live === undefined) {
    const step = { do: 'make-queue', declared, live, bindings: [] } as const;
    return [{ step, change: { name, action: 'create', differences: allOf(wanted) } }];
  }
  const differences = differencesBetween(wanted, queueProperties(live));
  if (differences.length === 0) return [];
  const attached = bindings.filter((binding) => concerns(binding, 'queue', declared.name));
  const step = { do: 'make-queue', declared, live, bindings: ownAmong(attached, all) } as const;
  const danger = queueReplacement(live, differences, attached.length - step.bindings.length);
  return [{ step, change: { name, action: 'replace', differences, danger } }];
}

function planBindings(service: string, declared: Declared, live: Live): PlannedChange[] {
  const present = new Set(live.bindings.map(bindingName));
  return declared.bindings
    .filter((binding) => !present.has(bindingName(binding)))
    .map((binding) => ({
      step: { do: 'bind', declared: binding },
      change: {
        name: objectName(service, 'binding', bindingName(binding)),
        action: 'create',
        differences: allOf(bindingProperties(binding)),
      },
    }));
}

/** A binding is told of on its own only between objects that stay; any other goes with its queue or exchange. */
function planDeletions(service: string, declared: Declared, live: Live): PlannedChange[] {
  const [queues, exchanges, bindings] = [byName(declared.queues), byName(declared.exchanges), new Set(declared.bindings.map(bindingName))];
  const stays = { queue: (name: string) => queues.has(name), exchange: (name: string) => exchanges.has(name) };
  const strayBindings = live.bindings.filter(
    (binding) =>
      !bindings.has(bindingName(binding)) &&
      stays[binding.destinationType](binding.destination) &&
      (exchanges.has(binding.source) || (isBuiltIn(binding.source) && binding.source !== '')),
  );
  const attachedTo = (kind: 'queue' | 'exchange', name: string) => live.bindings.filter((binding) => concerns(binding, kind, name)).length;
  const deletion = (kind: ObjectKind, name: string, live: Properties, danger: Danger): Change => {
    return { name: objectName(service, kind, name), action: 'delete', differences: differencesBetween({}, live), danger, undeclared: true };
  };
  return [
    ...strayBindings.map(
      (binding): PlannedChange => ({
        step: { do: 'unbind', live: binding },
        change: deletion('binding', bindingName(binding), bindingProperties(binding), bindingLoss(binding)),
      }),
    ),
    ...live.queues
      .filter((queue) => !queues.has(queue.name) && isForeign(queue, declared))
      .map(
        (queue): PlannedChange => ({
          step: { do: 'delete-queue', live: queue },
          change: deletion('queue', queue.name, queueProperties(queue), queueLoss(queue, attachedTo('queue', queue.name))),
        }),
      ),
    ...live.exchanges
      .filter((exchange) => !exchanges.has(exchange.name) && isForeignExchange(exchange))
      .map(
        (exchange): PlannedChange => ({
          step: { do: 'delete-exchange', live: exchange },
          change: deletion('exchange', exchange.name, exchangeProperties(exchange), exchangeLoss(attachedTo('exchange', exchange.name))),
        }),
      ),
  ];
}

/** RabbitMQ's own, and those whose names it gives: `amq.topic`, `amq.gen-...`; the empty name is the default exchange. */
function isBuiltIn(name: string): boolean {
  return name === '' || name.startsWith('amq.');
}

/** What lives as long as a connection, or a broker's uptime, is nobody's declaration; nor is what a consumer that is bound to a tenant has made. */
function isForeign({ name, durable, autoDelete, exclusive }: Queue, { tenantTopics }: Declared): boolean {
  return durable && !autoDelete && !exclusive && !isBuiltIn(name) && !tenantTopics.some((topic) => isTenantQueue(topic, name));
}

/** Plugins make internal exchanges for themselves. */
function isForeignExchange({ name, durable, autoDelete, internal }: Exchange): boolean {
  return durable && !autoDelete && !internal && !isBuiltIn(name);
}

/** Whether the binding goes when the object does; the default exchange's, which every queue has, is made with the queue. */
function concerns({ source, destination, destinationType }: ExchangeBinding, kind: 'queue' | 'exchange', name: string): boolean {
  return source !== '' && ((destinationType === kind && destination === name) || (kind === 'exchange' && source === name));
}

function ownAmong(attached: readonly LiveBinding[], { bindings }: Declared): ExchangeBinding[] {
  const present = new Set(attached.map(bindingName));
  return bindings.filter((binding) => present.has(bindingName(binding)));
}

function byName<T extends { readonly name: string }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.name, object]));
}
