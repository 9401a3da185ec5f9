import type * as Amqp from 'amqplib';
import { isMillraceError } from '../../contracts/errors.ts';
import type { DeadLetter, Failure } from '../../dead-letters.ts';
import { sha256 } from '../../hash.ts';
import { type Headers, headersOf, ownPrefix, type Parcel, readEvent } from './codec.ts';
import { keptFailures } from './failures.ts';

/** Headers of a dead letter. */
const header = {
  at: `${ownPrefix}dead-at`,
  position: `${ownPrefix}position`,
  shard: `${ownPrefix}shard`,
  /** JSON. */
  failures: `${ownPrefix}failures`,
} as const;

/** What was given up, where it was, and why. */
export interface GivenUpMessage {
  readonly message: Amqp.Message;
  readonly shard: number;
  readonly position: string;
  readonly failures: readonly Failure[];
}

/** The message as it was, with its history. */
export function letterOf({ message, shard, position, failures }: GivenUpMessage): Parcel {
  const { options, content } = plainCopy(message);
  const about = {
    [header.at]: new Date().toISOString(),
    [header.position]: position,
    [header.shard]: shard,
    [header.failures]: JSON.stringify(keptFailures(failures)),
  };
  return { content, options: { ...options, headers: { ...options.headers, ...about } } };
}

/** The message as it was before it was given up. */
export function plainCopy({ content, properties }: Amqp.Message): Parcel {
  const { contentType, contentEncoding, timestamp, type, appId, correlationId, messageId } = properties as Amqp.Options.Publish;
  const entries = Object.entries(headersOf(properties)).filter(([name]) => !name.startsWith(ownPrefix) && !ofTheBroker(name));
  const kept = { contentType, contentEncoding, timestamp, type, appId, correlationId };
  const present = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return { content, options: { ...present, messageId: messageId ?? letterId(content), headers: Object.fromEntries(entries) } };
}

/** Headers that RabbitMQ adds to a message that was dead-lettered or returned, and those by which it makes copies. */
function ofTheBroker(name: string): boolean {
  return name.startsWith('x-') || name === 'CC' || name === 'BCC';
}

/** What a message without an id is called. */
function letterId(content: Buffer): string {
  return `sha256-${sha256(content).slice(0, 32)}`;
}

export interface Letter extends DeadLetter {
  /** Undefined where only the event says it, by its key. */
  readonly shard: number | undefined;
}

/** Reads a dead letter, ours or one that the broker made. */
export function readLetter(message: Amqp.Message, topic: string, group: string): Letter {
  const headers = headersOf(message.properties);
  const event = readEvent(message);
  const { messageId } = message.properties as { messageId?: unknown };
  const id = typeof messageId === 'string' && messageId !== '' ? messageId : isMillraceError(event) ? letterId(message.content) : event.id;
  const death = deathIn(headers);
  const { [header.shard]: shard, [header.position]: position, [header.at]: at } = headers;
  const given = { id, topic, group, position: typeof position === 'string' ? position : id, blocking: false };
  return {
    ...given,
    at: typeof at === 'string' ? at : death.at,
    failures: failuresIn(headers) ?? [death.failure],
    ...(!isMillraceError(event) && { event }),
    shard: typeof shard === 'number' ? shard : death.shard,
  };
}

function failuresIn({ [header.failures]: text }: Headers): readonly Failure[] | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const failures: unknown = JSON.parse(text);
    return Array.isArray(failures) ? (failures as Failure[]) : undefined;
  } catch {
    return undefined; // another program wrote it; the letter counts all the same
  }
}

/** What the broker tells of a message that it has given up by itself. */
function deathIn(headers: Headers): { readonly at: string; readonly failure: Failure; readonly shard: number | undefined } {
  const [death] = Array.isArray(headers['x-death']) ? (headers['x-death'] as unknown[]) : [];
  const { reason, time, queue } = (death ?? {}) as { reason?: unknown; time?: { value?: unknown }; queue?: unknown };
  const seconds = typeof time?.value === 'number' ? time.value : 0;
  const returned = headers['x-delivery-count'];
  const attempt = typeof returned === 'number' ? returned : 0;
  const shard = typeof queue === 'string' ? Number(/\.(\d+)$/.exec(queue)?.[1]) : Number.NaN;
  return {
    at: new Date(seconds * 1_000).toISOString(),
    failure: { attempt, message: `given up by the broker: ${String(reason ?? 'no reason told')}`, consumer: '' },
    shard: Number.isInteger(shard) ? shard : undefined,
  };
}
