import { delayedTopicRoute } from '../../connections/rabbitmq/delays.ts';
import { type RabbitPublisher, rabbitReplyCode } from '../../connections/rabbitmq/index.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { PublishOptions, PublishResult } from '../../transport.ts';
import { parcelOf } from './codec.ts';
import { type Exchanges, notFound, publishFailure } from './exchanges.ts';
import { failedResult, failLane, planLanes } from './lanes.ts';
import { type LaneEnd, sendLanes } from './send-lanes.ts';
import { type Routed, type Router, shardOfEvent } from './topics.ts';
import type { Turns } from './turns.ts';
import type { Window } from './window.ts';

export interface PublishContext {
  readonly publisher: RabbitPublisher;
  readonly router: Router;
  readonly exchanges: Exchanges;
  readonly window: Window;
  readonly turns: Turns;
}

type Publish = (topic: string, events: readonly MillraceEvent[], options?: PublishOptions) => Promise<readonly PublishResult[]>;

/**
 * Publishes with confirms. Of a key one event is under way at a time: a queue that is full refuses some messages of a row and takes later ones, and what
 * was taken too early cannot be called back. Events of different keys, and those without order, go together as far as the window reaches.
 */
export function createPublish(context: PublishContext): Publish {
  return async (topic, events, options = {}) => {
    if (events.length === 0) return [];
    const routed = await prepare(context, topic, options);
    if (isMillraceError(routed)) return events.map(() => failedResult(routed));
    const results = new Array<PublishResult>(events.length);
    const lanes = planLanes(routed, events, results);
    await sendLanes(lanes, context, {
      isAborted: () => options.signal?.aborted === true,
      send: (index) => send(context, routed, events[index]!, options),
      done(index) {
        results[index] = { status: 'published', position: events[index]!.id };
      },
      failed: (lane, reason) => failLane(lane, events, results, failureOf(reason, context, options)),
    });
    return results;
  };
}

async function prepare(
  { router, exchanges }: PublishContext,
  topic: string,
  { delayMs = 0 }: PublishOptions,
): Promise<Routed | MillraceError> {
  try {
    const routed = router(topic);
    const { exchange } = delayedTopicRoute({ topic, shard: 0 }, delayMs);
    return (await exchanges.refusal(exchange)) ?? routed;
  } catch (error) {
    if (isMillraceError(error)) return error;
    throw error;
  }
}

/** A topic that declares no groups keeps nothing on RabbitMQ: then nobody misses a message that no queue takes. */
function send(
  { publisher }: PublishContext,
  { name, topic }: Routed,
  event: MillraceEvent,
  { delayMs = 0 }: PublishOptions,
): Promise<void> {
  const { tenantid } = event;
  const shard = shardOfEvent(event, topic);
  const { exchange, routingKey } = delayedTopicRoute(
    tenantid === undefined ? { topic: name, shard } : { topic: name, shard, tenant: tenantid },
    delayMs,
  );
  const { content, options } = parcelOf(event);
  const mandatory = topic.consumers.length > 0 || exchange !== name;
  return publisher.publish(exchange, routingKey, content, mandatory ? options : { ...options, mandatory });
}

/** Undefined where an earlier event of the key has failed. */
function failureOf(reason: LaneEnd, { exchanges }: PublishContext, { signal }: PublishOptions): MillraceError | undefined {
  if (reason === 'failed before') return undefined;
  if (reason === 'aborted') return new MillraceError('PUBLISH_FAILED', 'publishing was aborted by its signal', { cause: signal?.reason });
  if (rabbitReplyCode((reason.error as Error).cause) === notFound) exchanges.forget();
  return publishFailure(reason.error);
}
