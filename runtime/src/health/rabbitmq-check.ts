import type * as Amqp from 'amqplib';
import { type RabbitConnection, type RabbitPublisher, rabbitReplyCode } from '../connections/rabbitmq/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import {
  type CheckOptions,
  type CheckOutcome,
  checkIdentity,
  type Fault,
  type HealthCheck,
  type HealthStatus,
  type Observation,
  outcomeOf,
} from './check.ts';

/** A queue that must be there. */
export interface RequiredQueue {
  readonly name: string;
  /** `degraded` with more ready messages than this. @default no limit */
  readonly maxMessages?: number;
  /** `degraded` with fewer consumers than this. @default 0 */
  readonly minConsumers?: number;
}

export interface RabbitCheckOptions extends CheckOptions {
  /** Queues without which this is `down`. No permission is needed to look at one. @default none */
  readonly queues?: readonly (string | RequiredQueue)[];
  /** Status while the broker blocks this connection. It tells only those that publish, and they cannot: hence `down`. @default 'down' */
  readonly blockedStatus?: HealthStatus;
  /**
   * Publishes a message that no queue takes, and waits for the confirm: a round trip through the broker, and the way to learn of a block before the first
   * message does. Only for connections that publish: a broker short of memory stops reading from every connection that has. @default false
   */
  readonly confirmRoundTrip?: boolean;
}

/**
 * Looks at a RabbitMQ broker through `connection`: connected, not blocked, queues present.
 *
 * Queues are looked at one after the other on one channel that is kept; the broker ends it when a queue is missing, and the next look opens another.
 */
export function rabbitCheck(connection: RabbitConnection, options: RabbitCheckOptions = {}): HealthCheck {
  const queues = (options.queues ?? []).map((queue) => (typeof queue === 'string' ? { name: queue } : queue));
  const channel = keptChannel(connection);
  const roundTrip = options.confirmRoundTrip === true ? confirmRoundTrip(connection) : undefined;
  const obstacle = (): CheckOutcome | undefined => obstacleOn(connection, options.blockedStatus ?? 'down');
  return {
    ...checkIdentity(options, connection.name),
    async check(signal) {
      const before = obstacle();
      if (before !== undefined) return before;
      signal.addEventListener('abort', channel.drop, { once: true });
      try {
        await roundTrip?.(signal);
        const found: QueueReport[] = [];
        for (const queue of queues) found.push(await lookAt(queue, channel));
        return outcomeOf(
          found.flatMap(({ faults }) => faults),
          [{ measure: 'endpoint', value: connection.state.endpoint ?? 'none' }, ...found.flatMap(({ observations }) => observations)],
        );
      } catch (error) {
        // A block, or a loss, that came meanwhile is the better reason.
        const since = obstacle();
        if (since !== undefined) return since;
        throw error;
      } finally {
        signal.removeEventListener('abort', channel.drop);
      }
    },
  };
}

function obstacleOn({ state }: RabbitConnection, blockedStatus: HealthStatus): CheckOutcome | undefined {
  const { connected, blocked, lastError } = state;
  if (!connected) {
    const reason = `the connection is lost${lastError === undefined ? '' : `: ${lastError.message}`}`;
    return { status: 'down', reason, faults: [{ status: 'down', code: 'CONNECTION_FAILED', reason }] };
  }
  if (blocked === undefined) return undefined;
  const reason = `the broker blocks publishers: ${blocked}`;
  if (blockedStatus === 'up') return { status: 'up', reason };
  return { status: blockedStatus, reason, faults: [{ status: blockedStatus, code: 'BROKER_BLOCKED', reason }] };
}

interface KeptChannel {
  get(): Promise<Amqp.Channel>;
  /** Forgets the channel: it has ended, or a question on it may never be answered. */
  readonly drop: () => void;
}

function keptChannel(connection: RabbitConnection): KeptChannel {
  let kept: Promise<Amqp.Channel> | undefined;
  const forget = (channel: Promise<Amqp.Channel>): void => {
    if (kept === channel) kept = undefined;
  };
  return {
    get() {
      if (kept !== undefined) return kept;
      const opening = connection.openChannel();
      kept = opening;
      const gone = (): void => forget(opening);
      opening.then((channel) => channel.once('close', gone), gone);
      return opening;
    },
    drop() {
      const dropped = kept;
      kept = undefined;
      dropped?.then((channel) => channel.close()).then(undefined, () => undefined); // it never opened, or has ended
    },
  };
}

interface QueueReport {
  readonly faults: readonly Fault[];
  readonly observations: readonly Observation[];
}

const notFound = 404;

async function lookAt(
  { name, maxMessages = Number.POSITIVE_INFINITY, minConsumers = 0 }: RequiredQueue,
  channel: KeptChannel,
): Promise<QueueReport> {
  try {
    const { messageCount, consumerCount } = await (await channel.get()).checkQueue(name);
    const faults: Fault[] = [];
    if (messageCount > maxMessages)
      faults.push({ status: 'degraded', code: 'RABBITMQ_QUEUE_LONG', reason: `queue ${name} holds ${messageCount} messages` });
    if (consumerCount < minConsumers)
      faults.push({
        status: 'degraded',
        code: 'RABBITMQ_CONSUMERS_MISSING',
        reason: `queue ${name} has ${consumerCount} of ${minConsumers} consumers`,
      });
    return {
      faults,
      observations: [
        { measure: `${name}.messages`, value: messageCount, unit: '{message}' },
        { measure: `${name}.consumers`, value: consumerCount, unit: '{consumer}' },
      ],
    };
  } catch (error) {
    channel.drop();
    if (rabbitReplyCode(error) !== notFound) throw error;
    return { faults: [{ status: 'down', code: 'QUEUE_UNKNOWN', reason: `queue ${name} is missing` }], observations: [] };
  }
}

/** The default exchange confirms a message that no queue takes, and keeps nothing of it. */
function confirmRoundTrip(connection: RabbitConnection): (signal: AbortSignal) => Promise<void> {
  let publisher: Promise<RabbitPublisher> | undefined;
  return async (signal) => {
    publisher ??= connection.openPublisher().catch((error: unknown) => {
      publisher = undefined;
      throw error;
    });
    const ready = await publisher;
    if (signal.aborted) throw new MillraceError('CONNECTION_TIMEOUT', 'the confirm round trip came too late');
    await ready.publish('', `millrace.health.${connection.name}`, Buffer.alloc(0), { mandatory: false, persistent: false });
  };
}
