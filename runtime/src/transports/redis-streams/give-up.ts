import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import type { Consumer } from './consumer.ts';
import type { Lane, Message } from './held-stream.ts';
import { giveUpScript } from './holder.lua.ts';
import { runAsHolder } from './lease.ts';

/**
 * Sets an event aside after its last attempt, as its topic says: into the dead letters or not, its key going on or held back.
 *
 * @returns whether the key is held back.
 */
export async function giveUp(consumer: Consumer, { held, key }: Lane, message: Message): Promise<boolean> {
  const { topic, group, log } = consumer;
  const blocks = topic.onExhausted === 'block' && message.event.partitionkey !== undefined;
  const args = [message.id, JSON.stringify(message.failures), blocks ? key : '', topic.deadLetter ? '1' : '0'];
  const moreKeys = [deadLetterKey(held.stream, group), blockedKey(held.stream, group)];
  await runAsHolder(consumer.control, giveUpScript, consumer, held.lease, args, moreKeys);
  const details = {
    stream: held.stream,
    group,
    position: message.id,
    event: message.event.id,
    key,
    attempts: message.failures.at(-1)?.attempt,
  };
  log.error({ ...details, deadLetter: topic.deadLetter, blocked: blocks, error: message.failures.at(-1)?.message }, 'event was given up');
  if (blocks) held.blocked = new Set([...held.blocked, key]);
  return blocks;
}
