import { MillraceError } from '../contracts/errors.ts';
import { closestName } from '../contracts/problems.ts';
import { ownedBy, type Topology } from '../contracts/topology.ts';

export type QueueDeclaration = Topology['queues'][string];
export type ExchangeDeclaration = Topology['exchanges'][string];

/** What is declared for one broker. @throws {MillraceError} QUEUE_UNKNOWN with the right names, from all three. */
export interface Names {
  queue(name: string): QueueDeclaration;
  exchange(name: string): ExchangeDeclaration;
  /** Queues that are bound to it. */
  boundTo(exchange: string): QueueDeclaration[];
}

export function namesOn(topology: Topology, service: string): Names {
  const queues = new Map(ownedBy(topology.queues, service));
  const exchanges = new Map(ownedBy(topology.exchanges, service));
  return {
    queue: (name) => known(queues, 'queue', name, service),
    exchange: (name) => known(exchanges, 'exchange', name, service),
    boundTo: (name) => topology.bindings.filter(({ exchange }) => exchange === name).flatMap(({ queue }) => queues.get(queue) ?? []),
  };
}

function known<T>(all: ReadonlyMap<string, T>, kind: string, name: string, service: string): T {
  const declared = all.get(name);
  if (declared !== undefined) return declared;
  const names = [...all.keys()];
  const close = closestName(name, names);
  const hint = close === undefined ? `${kind}s there are ${names.join(', ') || 'none'}` : `did you mean ${close}?`;
  throw new MillraceError('QUEUE_UNKNOWN', `the topology declares no ${kind} ${JSON.stringify(name)} on ${service}; ${hint}`);
}

/** What RabbitMQ says when a queue or exchange is not there: 404 NOT_FOUND. */
const notFound = 404;

/** `error` of opening a channel; a queue or exchange that is declared and not there is told as such. */
export function explainMissing(error: unknown, what: string): Error {
  if ((error as { code?: unknown }).code !== notFound) return error as Error;
  return new MillraceError('QUEUE_UNKNOWN', `${what} is declared and is not on the broker; run \`millrace apply\``, { cause: error });
}
