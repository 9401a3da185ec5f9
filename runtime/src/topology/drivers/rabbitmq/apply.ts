import type { ManagementAnswer, RabbitManagement } from '../../../connections/rabbitmq/management.ts';
import { reasonOf } from '../../../connections/rabbitmq/management.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import type { ExchangeBinding } from '../../../contracts/rabbit-objects.ts';
import { differencesBetween, type Properties } from '../../differences.ts';
import type { QueueCounter } from './count.ts';
import type { Step } from './diff.ts';
import { type Exchange, exchangeProperties, type LiveBinding, type LiveQueue, type Queue, queueProperties } from './model.ts';
import { exchangePath, queuePath, readExchange, readQueue } from './read.ts';

export interface Ground {
  readonly management: RabbitManagement;
  readonly counter: QueueCounter;
  /** `SERVICE/KIND/NAME` of the object, for messages. */
  readonly name: string;
}

const created = 201;
const done = 204;
const badRequest = 400;
const missing = 404;

/** Carries one step out; one that was half done is completed. */
export async function carryOut(step: Step, ground: Ground): Promise<void> {
  switch (step.do) {
    case 'make-queue':
      return makeQueue(step, ground);
    case 'make-exchange':
      return makeExchange(step, ground);
    case 'bind':
      return bind(step.declared, ground);
    case 'delete-queue':
      return deleteQueue(step.live, ground);
    case 'delete-exchange':
      return deleteExchange(step.live, ground);
    case 'unbind':
      return unbind(step.live, ground);
  }
}

async function makeQueue({ declared, live, bindings }: Extract<Step, { do: 'make-queue' }>, ground: Ground): Promise<void> {
  const { management } = ground;
  const wanted = queueProperties(declared);
  const read = async () => propertiesOf(await readQueue(management, declared.name), queueProperties);
  if (live !== undefined && !same(wanted, await read())) await deleteQueue(live, ground);
  const { durable, autoDelete: auto_delete, arguments: settings } = declared;
  await put(ground, { path: queuePath(management, declared.name), body: { durable, auto_delete, arguments: settings }, wanted, read });
  for (const binding of bindings) await bind(binding, ground);
}

async function makeExchange({ declared, live, bindings }: Extract<Step, { do: 'make-exchange' }>, ground: Ground): Promise<void> {
  const { management } = ground;
  const wanted = exchangeProperties(declared);
  const read = async () => propertiesOf(await readExchange(management, declared.name), exchangeProperties);
  if (live !== undefined && !same(wanted, await read())) await deleteExchange(live, ground);
  const { type, durable, autoDelete: auto_delete, internal, arguments: settings } = declared;
  const body = { type, durable, auto_delete, internal, arguments: settings };
  await put(ground, { path: exchangePath(management, declared.name), body, wanted, read });
  for (const binding of bindings) await bind(binding, ground);
}

interface Making {
  readonly path: string;
  readonly body: object;
  readonly wanted: Properties;
  /** What is there now. */
  read(): Promise<Properties | undefined>;
}

/** Amazon MQ takes a quorum queue with other arguments for the same one without a word, so one that was there is looked at. */
async function put(ground: Ground, { path, body, wanted, read }: Making): Promise<void> {
  const answer = await ground.management.ask({ method: 'PUT', path, body });
  if (answer.status === created) return;
  const present = await read();
  if (same(wanted, present)) return;
  throw present === undefined ? refused(ground, answer) : changedMeanwhile(ground, wanted, present);
}

async function bind(
  { source, destination, destinationType, routingKey, arguments: headers }: ExchangeBinding,
  ground: Ground,
): Promise<void> {
  const path = bindingsPath(ground.management, { source, destination, destinationType });
  const answer = await ground.management.ask({ method: 'POST', path, body: { routing_key: routingKey, arguments: headers } });
  if (answer.status !== created) throw refused(ground, answer);
}

async function unbind(binding: LiveBinding, ground: Ground): Promise<void> {
  const path = `${bindingsPath(ground.management, binding)}/${encodeURIComponent(binding.propertiesKey)}`;
  await remove(ground, path);
}

/**
 * Deletes the queue that was compared, no other. One that was empty then must be empty still: RabbitMQ itself sees to it for classic queues; of quorum queues
 * it cannot, so what arrives between the count and the deletion is lost.
 */
async function deleteQueue(live: LiveQueue, ground: Ground): Promise<void> {
  const { management, counter, name } = ground;
  const present = await readQueue(management, live.name);
  if (present === undefined) return;
  requireSame(ground, queueProperties(live), queueProperties(present));
  if (live.messages > 0) return remove(ground, queuePath(management, live.name));
  const ready = (await counter.ready([live.name])).get(live.name) ?? 0;
  if (ready + present.unacknowledged > 0) {
    throw new MillraceError('TOPOLOGY_CONFLICT', `${name} was empty when it was compared and now holds ${ready} messages; compare again`);
  }
  const isClassic = live.arguments['x-queue-type'] === 'classic';
  await remove(ground, `${queuePath(management, live.name)}${isClassic ? '?if-empty=true' : ''}`);
}

async function deleteExchange(live: Exchange, ground: Ground): Promise<void> {
  const present = await readExchange(ground.management, live.name);
  if (present === undefined) return;
  requireSame(ground, exchangeProperties(live), exchangeProperties(present));
  await remove(ground, exchangePath(ground.management, live.name));
}

async function remove(ground: Ground, path: string): Promise<void> {
  const answer = await ground.management.ask({ method: 'DELETE', path });
  if (answer.status !== done && answer.status !== missing) throw refused(ground, answer);
}

function bindingsPath(
  { vhost }: RabbitManagement,
  { source, destination, destinationType }: Pick<ExchangeBinding, 'source' | 'destination' | 'destinationType'>,
) {
  const kind = destinationType === 'queue' ? 'q' : 'e';
  return `/bindings/${encodeURIComponent(vhost)}/e/${encodeURIComponent(source)}/${kind}/${encodeURIComponent(destination)}`;
}

function propertiesOf<T extends Queue | Exchange>(object: T | undefined, properties: (object: T) => Properties): Properties | undefined {
  return object === undefined ? undefined : properties(object);
}

function same(wanted: Properties, present: Properties | undefined): boolean {
  return present !== undefined && differencesBetween(wanted, present).length === 0;
}

function requireSame(ground: Ground, compared: Properties, present: Properties): void {
  if (!same(compared, present)) throw changedMeanwhile(ground, compared, present);
}

function changedMeanwhile({ name }: Ground, expected: Properties, present: Properties): MillraceError {
  const told = differencesBetween(expected, present).map(
    ({ property, live = 'none', declared = 'none' }) => `${property} is ${live}, not ${declared}`,
  );
  return new MillraceError(
    'TOPOLOGY_CONFLICT',
    `${name} was changed by someone else since it was compared: ${told.join(', ')}; compare again`,
  );
}

function refused({ name, management }: Ground, { status, body }: ManagementAnswer): MillraceError {
  const reason = reasonOf(body) ?? `status ${status}`;
  const vanished = status !== badRequest;
  return new MillraceError(
    vanished ? 'TOPOLOGY_CONFLICT' : 'TOPOLOGY_REFUSED',
    `${management.where} refused ${name}: ${reason}${vanished ? '; compare again' : ''}`,
  );
}
