import { managementOf } from '../../../connections/rabbitmq/management.ts';
import { notCompared, type OpenDriver } from '../../driver.ts';
import { carryOut } from './apply.ts';
import { queueCounter, withCounts } from './count.ts';
import { declaredOn, mirrorsOn } from './declared.ts';
import { compare, doomedQueues, type Step } from './diff.ts';
import { notesOn } from './notes.ts';
import { readLive } from './read.ts';

/**
 * Keeps exchanges, queues and bindings of a broker like their declaration, over its management interface.
 *
 * RabbitMQ changes nothing of a queue or exchange once it is made: what differs is deleted and made again, with the declared bindings. Messages are counted
 * over AMQP, for which `amqplib` is needed where something would be deleted.
 *
 * @throws {MillraceError} BINDING_INVALID when the binding has no endpoint of purpose `management`, user or secret.
 */
export const openRabbitDriver: OpenDriver = async ({ service, topology, signal }) => {
  const management = managementOf(service, { signal });
  const counter = queueCounter(service);
  const declared = declaredOn(topology, service.name);
  const mirrors = mirrorsOn(topology, service.name);
  let steps: ReadonlyMap<string, Step> = new Map();
  return {
    async compare() {
      const live = await readLive(management);
      const counted = await withCounts(live, counter, doomedQueues(declared, live));
      const plan = compare(service.name, declared, counted);
      steps = new Map(plan.map(({ change, step }) => [change.name, step]));
      return { changes: plan.map(({ change }) => change), notes: notesOn(service.name, declared, live, mirrors) };
    },
    async apply({ name }) {
      const step = steps.get(name);
      if (step === undefined) throw notCompared(name);
      await carryOut(step, { management, counter, name });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([management[Symbol.asyncDispose](), counter[Symbol.asyncDispose]()]);
    },
  };
};
