import type { ExchangeBinding } from '../../../contracts/rabbit-objects.ts';
import type { Properties } from '../../differences.ts';

export interface Queue {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Properties;
}

export interface Exchange {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Properties;
}

export interface LiveQueue extends Queue {
  /** Ready and delivered; those delivered, and the bytes, as of the last collection, up to 5 s ago. */
  readonly messages: number;
  readonly unacknowledged: number;
  /** Absent where the server has not collected it yet. */
  readonly bytes: number | undefined;
  readonly consumers: number;
  readonly policies: readonly string[];
  /** What policies set, all of them together; names without `x-`. */
  readonly policyDefinition: Properties;
}

export interface LiveBinding extends ExchangeBinding {
  /** By which the server tells the bindings between two objects apart. */
  readonly propertiesKey: string;
}

/** What is declared for a broker, in the order of dependency. */
export interface Declared {
  readonly exchanges: readonly Exchange[];
  /** A dead-letter queue stands before those whose dead letters it takes. */
  readonly queues: readonly Queue[];
  readonly bindings: readonly ExchangeBinding[];
  /** Topics whose consumers may make queues of their own, each for one tenant. */
  readonly tenantTopics: readonly string[];
}

/** What a virtual host has. */
export interface Live {
  /** `4.2.1`. */
  readonly version: string;
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly LiveQueue[];
  readonly bindings: readonly LiveBinding[];
}

/** What has to be the same for two queues of a name to be one; switches that are off are left out. */
export function queueProperties(queue: Queue): Properties {
  return { ...switches(queue), ...(queue.exclusive && { exclusive: true }), ...queue.arguments };
}

export function exchangeProperties(exchange: Exchange): Properties {
  return { type: exchange.type, ...switches(exchange), ...(exchange.internal && { internal: true }), ...exchange.arguments };
}

function switches({ durable, autoDelete }: Pick<Queue, 'durable' | 'autoDelete'>): Properties {
  return { durable, ...(autoDelete && { 'auto-delete': true }) };
}

export function bindingProperties({ routingKey, arguments: headers }: ExchangeBinding): Properties {
  return { ...(routingKey !== '' && { 'routing-key': routingKey }), ...headers };
}
