import type { GivenUp } from '../../consuming/consumer.ts';
import type { Message } from '../../consuming/message.ts';
import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import type { Consumer } from './consumer.ts';
import type { StreamLane } from './held-stream.ts';
import { giveUpScript } from './holder.lua.ts';
import { runAsHolder } from './lease.ts';

/** Sets an event aside after its last attempt, as its topic says: into the dead letters or not, its key going on or held back. */
export async function giveUp(consumer: Consumer, { source: held, key }: StreamLane, message: Message): Promise<GivenUp> {
  const { topic, group, control } = consumer;
  const blocks = topic.onExhausted === 'block' && message.event.partitionkey !== undefined;
  const args = [message.id, JSON.stringify(message.failures), blocks ? key : '', topic.deadLetter ? '1' : '0'];
  const moreKeys = [deadLetterKey(held.name, group), blockedKey(held.name, group)];
  await runAsHolder(control, giveUpScript, consumer, held.lease, args, moreKeys);
  if (!blocks) return 'given up';
  held.blocked = new Set([...held.blocked, key]);
  return 'blocked';
}
