import { isMillraceError } from '../contracts/errors.ts';
import { handle } from '../telemetry/process.ts';
import type { Delivery } from '../transport.ts';
import type { ConsumerSettings, GivenUp, MessageBroker } from './consumer.ts';
import type { Message } from './message.ts';
import type { Lane, Source, Work } from './source.ts';

/**
 * What has become of a call of the handler. `one by one`: of its events each shall answer for itself; `away`: none has begun, for want of something that all
 * need; `not ours`: one of the sources is lost.
 */
export type Outcome = GivenUp | 'handled' | 'one by one' | 'away' | 'server failed' | 'not ours';

/** Hands work to the handler; never rejects. */
export async function attempt<S extends Source<S>>(settings: ConsumerSettings, broker: MessageBroker<S>, work: Work<S>): Promise<Outcome> {
  const { lane, messages } = work.parts[0]!;
  const first = messages[0]!;
  try {
    if (exhausted(settings, first)) return await giveUp(settings, broker, lane, first);
    const begun = beginAll(broker, work);
    if (begun !== undefined) await begun;
  } catch (error) {
    return serverOutcome(settings, broker, work.parts, error);
  }
  // The answers may have taken longer than the sources were sure, and a source may have been lost meanwhile.
  if (loseUnsure(broker, work.parts)) return 'not ours';
  const deliveries = deliveriesOf(settings, broker, work);
  try {
    await handle(settings, deliveries);
    return 'handled';
  } catch (error) {
    return await failed(settings, broker, work, error);
  }
}

/** Most attempts are counted by having been read, and nothing is awaited then: a turn of the event loop for each event halves the rate. */
function beginAll<S extends Source<S>>(broker: MessageBroker<S>, { parts }: Work<S>): Promise<unknown> | undefined {
  const begun: Promise<unknown>[] = [];
  for (const { lane, messages } of parts) {
    for (const message of messages) {
      message.begun = true;
      const counting = broker.begin(lane.source, message);
      if (counting !== undefined) begun.push(counting);
    }
  }
  return begun.length === 0 ? undefined : Promise.all(begun);
}

async function failed<S extends Source<S>>(
  settings: ConsumerSettings,
  broker: MessageBroker<S>,
  { parts }: Work<S>,
  error: unknown,
): Promise<Outcome> {
  for (const { messages } of parts) for (const message of messages) message.begun = false;
  const { lane, messages } = parts[0]!;
  if (isMillraceError(error, 'DEPENDENCY_UNAVAILABLE')) {
    const { topicName: topic, group, log } = settings;
    log.warn({ topic, group, events: eventsIn(parts), error: error.message }, 'what the handler needs is away; that is no attempt');
    return 'away';
  }
  if (parts.length > 1 || messages.length > 1) {
    // Which source was superseded is found out when its events come alone.
    settings.log.warn(
      { topic: settings.topicName, group: settings.group, error: String(error) },
      'batch failed; its events come one by one',
    );
    return 'one by one';
  }
  if (lane.source.lost) return 'not ours';
  if (isMillraceError(error, 'CONSUMER_LEASE_LOST')) {
    broker.lose(lane.source); // taken again under a newer fence if it is still ours
    return 'not ours';
  }
  return noteFailure(settings, broker, lane, messages[0]!, error);
}

function eventsIn<S extends Source<S>>(parts: Work<S>['parts']): number {
  return parts.reduce((sum, { messages }) => sum + messages.length, 0);
}

async function noteFailure<S extends Source<S>>(
  settings: ConsumerSettings,
  broker: MessageBroker<S>,
  lane: Lane<S>,
  message: Message,
  error: unknown,
): Promise<Outcome> {
  const { topic, log, consumer } = settings;
  const text = error instanceof Error ? error.message : String(error);
  message.failures.push({ attempt: message.attempt, at: new Date().toISOString(), message: text, consumer });
  const { name } = lane.source;
  log.warn({ stream: name, position: message.id, event: message.event.id, attempt: message.attempt, error: text }, 'handler failed');
  if (message.attempt < topic.retry.attempts && !isMillraceError(error, 'EVENT_REJECTED')) return 'again';
  try {
    return await giveUp(settings, broker, lane, message);
  } catch (failure) {
    message.attempt += 1;
    return serverOutcome(settings, broker, [{ lane }], failure);
  }
}

async function giveUp<S extends Source<S>>(
  { topic, group, log }: ConsumerSettings,
  broker: MessageBroker<S>,
  lane: Lane<S>,
  message: Message,
): Promise<GivenUp> {
  const outcome = await broker.giveUp(lane, message);
  const last = message.failures.at(-1);
  const details = {
    stream: lane.source.name,
    group,
    position: message.id,
    event: message.event.id,
    key: lane.key,
    attempts: last?.attempt,
  };
  log.error({ ...details, deadLetter: topic.deadLetter, blocked: outcome !== 'given up', error: last?.message }, 'event was given up');
  return outcome;
}

function exhausted({ topic }: ConsumerSettings, { attempt: next, doomed, failures }: Message): boolean {
  return doomed || (next > topic.retry.attempts && failures.some(({ at }) => at !== undefined));
}

function serverOutcome<S extends Source<S>>(
  { log }: ConsumerSettings,
  broker: MessageBroker<S>,
  parts: readonly { readonly lane: Lane<S> }[],
  error: unknown,
): Outcome {
  const { source } = parts[0]!.lane;
  // Of several sources the error does not say which one it is; the others find out for themselves.
  if (broker.isSuperseded(error)) broker.lose(source);
  if (loseUnsure(broker, parts)) return 'not ours';
  log.warn({ stream: source.name, error: String(error) }, 'the server failed between two attempts');
  return 'server failed';
}

/** @returns whether any of the sources is lost */
function loseUnsure<S extends Source<S>>(broker: MessageBroker<S>, parts: readonly { readonly lane: Lane<S> }[]): boolean {
  for (const { lane } of parts) if (!broker.isSure(lane.source)) broker.lose(lane.source);
  return parts.some(({ lane }) => lane.source.lost);
}

/** Written out: spreading an object for each event costs 0.4 us. */
function deliveriesOf<S extends Source<S>>(settings: ConsumerSettings, broker: MessageBroker<S>, { parts }: Work<S>): Delivery[] {
  const { topicName: topic, group, run } = settings;
  const deliveries: Delivery[] = [];
  for (const { lane, messages } of parts) {
    const { source } = lane;
    const lease = broker.lease?.(source);
    const { signal } = source.abort;
    for (const { id: position, event, attempt: number } of messages) {
      const redelivered = number > 1;
      deliveries.push(
        lease === undefined
          ? { topic, group, event, position, attempt: number, redelivered, run, signal }
          : { topic, group, event, position, attempt: number, redelivered, run, signal, lease },
      );
    }
  }
  return deliveries;
}
