import { Buffer } from 'node:buffer';
import type * as Amqp from 'amqplib';
import type { RabbitPublisher } from '../../connections/rabbitmq/index.ts';
import type { Message } from '../../consuming/message.ts';
import type { Failure } from '../../dead-letters.ts';
import { keptFailures } from './failures.ts';

/** What is known of an event's attempts by earlier consumers. */
export interface AttemptNote {
  readonly event: string;
  /** The latest attempt that was begun. */
  readonly attempt: number;
  /** It has not ended, for all that is known. */
  readonly begun: boolean;
  readonly consumer: string;
  readonly failures: readonly Failure[];
}

/**
 * The attempts that a group has begun of the events of one shard, kept on the broker beside the queue.
 *
 * The broker counts how often a message was returned, and that says little: when a process ends, everything it had in memory is returned, begun or not. So
 * every attempt but the first of a new message is noted before it begins, which costs one confirmed message; what was begun and never ended is found out.
 */
export interface AttemptLog {
  /** Reads what earlier consumers have noted. */
  load(): Promise<void>;
  /** What they have noted of an event. */
  of(event: string): AttemptNote | undefined;
  /** Notes the attempt that is next. @throws {MillraceError} as `RabbitPublisher.publish` */
  begin(event: string, message: Message): Promise<void>;
  /** Notes what was tried in vain, for the next consumer. @throws {MillraceError} as `begin` */
  keep(event: string, message: Message): Promise<void>;
  /** The event is done with. */
  end(event: string): void;
  /** Everything that was returned to the queue has come again: notes of other events than `isKnown` are of no use. */
  tidy(isKnown: (event: string) => boolean): void;
}

export interface AttemptGround {
  /** Of the shard: what was read of the log is given back with it. */
  readonly channel: Amqp.Channel;
  readonly queue: string;
  readonly publisher: RabbitPublisher;
  readonly consumer: string;
  readonly onError: (error: unknown) => void;
}

/** Notes of events that are done with are taken away together. */
const sweepMs = 1_000;

export function createAttemptLog({ channel, queue, publisher, consumer, onError }: AttemptGround): AttemptLog {
  const notes = new Map<string, AttemptNote>();
  /** Read and not acknowledged, by event. */
  const held = new Map<string, Amqp.GetMessage[]>();
  const written = new Set<string>();
  const ended = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const drop = (event: string): void => {
    for (const message of held.get(event) ?? []) channel.ack(message);
    held.delete(event);
    notes.delete(event);
  };
  const readAll = async (): Promise<void> => {
    for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
      const note = noteIn(message);
      if (note === undefined || ended.has(note.event)) {
        channel.ack(message);
        continue;
      }
      held.set(note.event, [...(held.get(note.event) ?? []), message]);
      if (isNewer(note, notes.get(note.event))) notes.set(note.event, note);
    }
  };
  const sweep = async (): Promise<void> => {
    const done = [...ended];
    await readAll();
    for (const event of done) {
      ended.delete(event);
      written.delete(event);
    }
  };
  const sweepSoon = (): void => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      sweep().catch(onError);
    }, sweepMs).unref();
  };
  const write = async (note: AttemptNote): Promise<void> => {
    written.add(note.event);
    ended.delete(note.event);
    await publisher.publish('', queue, Buffer.from(JSON.stringify(note)), { contentType: 'application/json' });
  };
  return {
    load: readAll,
    of: (event) => notes.get(event),
    begin: (event, { attempt, failures }) => write({ event, attempt, begun: true, consumer, failures: keptFailures(failures) }),
    keep: (event, { attempt, failures }) =>
      write({ event, attempt: attempt - 1, begun: false, consumer, failures: keptFailures(failures) }),
    end(event) {
      drop(event);
      if (!written.has(event)) return;
      ended.add(event);
      // The channel may end before that; what it leaves behind is tidied away by the next one.
      sweepSoon();
    },
    tidy(isKnown) {
      for (const event of [...held.keys()]) if (!isKnown(event)) drop(event);
    },
  };
}

function isNewer(note: AttemptNote, than: AttemptNote | undefined): boolean {
  if (than === undefined || note.attempt !== than.attempt) return note.attempt > (than?.attempt ?? -1);
  return !note.begun;
}

/** Undefined for a message that is no note: somebody else wrote it, and it must not stand in the way. */
function noteIn({ content }: Amqp.GetMessage): AttemptNote | undefined {
  try {
    const note = JSON.parse(content.toString()) as AttemptNote;
    return typeof note.event === 'string' && Number.isInteger(note.attempt) && Array.isArray(note.failures) ? note : undefined;
  } catch {
    return undefined;
  }
}
