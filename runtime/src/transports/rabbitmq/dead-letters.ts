import type * as Amqp from 'amqplib';
import type { RabbitConnection, RabbitPublisher } from '../../connections/rabbitmq/index.ts';
import type { RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { deadLetterQueue, groupQueue } from '../../contracts/rabbit-names.ts';
import type { DeadLetters } from '../../dead-letters.ts';
import { type Letter, plainCopy, readLetter } from './letters.ts';
import { type Look, startLook } from './look.ts';
import { tenantGroupsOf } from './tenants.ts';
import { type Routed, shardOfEvent } from './topics.ts';

interface DeadLetterParts {
  readonly routed: Routed;
  /** With an encoded tenant, `inventory@acme`, that tenant's alone. */
  readonly group: string;
  /** Open from the first question on. */
  readonly connection: () => Promise<RabbitConnection>;
  readonly publisher: RabbitPublisher;
  /** Tells of the tenants that have queues of their own; undefined where the binding has none. */
  readonly management: RabbitManagement | undefined;
}

/** A queue of dead letters. */
interface Place {
  /** The group as its queues are named. */
  readonly queueGroup: string;
  /** Stands before the ids of its letters: one event can be in several places. */
  readonly prefix: string;
}

/**
 * Dead letters in their queues: that of the group and, of a topic that isolates tenants, those of its consumers that are bound to one. An id is that of the
 * event, `acme/` before it where it lies in the queue of tenant `acme`. Without a management interface only the group's own queue is known.
 *
 * Looking takes them, page by page, and gives them back in their order; meanwhile another looker sees only what this one has not taken yet. Nothing is lost
 * when a looker dies, but their order then. Each call goes through whole queues: hand over many ids at once.
 */
export function deadLettersOf({ routed, group, connection, publisher, management }: DeadLetterParts): DeadLetters {
  const { name, topic } = routed;
  const places = async (): Promise<readonly Place[]> => {
    const own: Place = { queueGroup: group, prefix: '' };
    if (management === undefined || topic.isolation !== 'tenant' || group.includes('@')) return [own];
    const ofTenants = (await tenantGroupsOf(management, name, group)).map((queueGroup) => {
      return { queueGroup, prefix: `${queueGroup.slice(group.length + 1)}/` };
    });
    // A group that only tenant-bound consumers have needs no declaration, and has no queue of its own then.
    const hasOwn = ofTenants.length === 0 || topic.consumers.some((consumer) => consumer.group === group);
    return hasOwn ? [own, ...ofTenants] : ofTenants;
  };
  const look = async ({ queueGroup }: Place): Promise<Look> => startLook(await connection(), deadLetterQueue(name, queueGroup));
  const read = (message: Amqp.Message, { prefix }: Place): Letter => {
    const letter = readLetter(message, name, group);
    return { ...letter, id: prefix + letter.id };
  };
  /** Does something with those of `ids`, in the order given within a place, and takes them off their queues. */
  const settle = async (ids: readonly string[], work: (letter: Letter, message: Amqp.Message, place: Place) => Promise<void>) => {
    let done = 0;
    for (const place of await places()) {
      const wanted = ids.filter((id) => id.startsWith(place.prefix));
      // With no ids it still says whether there is such a queue.
      if (wanted.length === 0 && ids.length > 0) continue;
      await using looking = await look(place);
      const ordered = inOrder(wanted, async (message: Amqp.Message) => {
        await work(read(message, place), message, place);
        looking.remove(message);
        done += 1;
      });
      for await (const message of looking.messages()) await ordered.put(read(message, place).id, message);
      await ordered.finish();
    }
    return done;
  };
  return {
    async *list({ signal } = {}) {
      for (const place of await places()) {
        await using looking = await look(place);
        for await (const message of looking.messages()) {
          signal?.throwIfAborted();
          const { shard, ...letter } = read(message, place);
          yield letter;
        }
      }
    },
    redrive: (ids) =>
      settle(ids, async (letter, message, { queueGroup }) => {
        const { content, options } = plainCopy(message);
        const shard = letter.event === undefined ? (letter.shard ?? 0) : shardOfEvent(letter.event, topic);
        await publisher.publish('', groupQueue(name, queueGroup, shard), content, options);
      }),
    drop: (ids) => settle(ids, async () => undefined),
  };
}

interface Ordered<T> {
  put(id: string, item: T): Promise<void>;
  /** Nothing more is put: those behind an id that was not there have their turn. */
  finish(): Promise<void>;
}

/** Works on items in the order of `ids`, whatever the order they are put in; only those that are early are kept in memory. Others than of `ids` are left. */
function inOrder<T>(ids: readonly string[], work: (item: T) => Promise<void>): Ordered<T> {
  const turns = new Map(ids.map((id, turn) => [id, turn]));
  const early = new Map<number, T[]>();
  let next = 0;
  const workOn = async (turn: number): Promise<void> => {
    for (const item of early.get(turn) ?? []) await work(item);
    early.delete(turn);
  };
  return {
    async put(id, item) {
      const turn = turns.get(id);
      if (turn === undefined) return;
      early.set(turn, [...(early.get(turn) ?? []), item]);
      if (turn < next) await workOn(turn);
      for (; early.has(next); next++) await workOn(next);
    },
    async finish() {
      for (const turn of [...early.keys()].sort((a, b) => a - b)) await workOn(turn);
    },
  };
}
