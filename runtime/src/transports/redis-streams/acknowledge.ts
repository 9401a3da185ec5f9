import { setTimeout as pause } from 'node:timers/promises';
import type { Message } from '../../consuming/message.ts';
import type { Consumer } from './consumer.ts';
import type { HeldStream } from './held-stream.ts';
import { acknowledgeScript } from './holder.lua.ts';
import { isSuperseded, isSure, runAsHolder } from './lease.ts';

const maxIdsPerScript = 1_000;
const retryPauseMs = 100;

/**
 * Stands for a message until its acknowledgement is confirmed. The event itself would live through a collection or two meanwhile, and be copied by each:
 * 5 of the 15 us that Node took for an event.
 */
const handled: Message = {
  id: '',
  event: { id: '', source: '', type: '', time: '' },
  attempt: 1,
  begun: true,
  away: 0,
  alone: false,
  doomed: false,
  single: false,
  failures: [],
};

/**
 * Acknowledges what was handled, all that has gathered since the last time in one script. A lost acknowledgement means another delivery.
 *
 * @param onConfirmed told when nothing is left to acknowledge.
 */
export function acknowledge(consumer: Consumer, held: HeldStream, id: string, onConfirmed: () => void): void {
  held.acks.push(id);
  if (held.known.has(id)) held.known.set(id, handled);
  if (held.acknowledging) return;
  held.acknowledging = true;
  setImmediate(() => void flush(consumer, held).then(onConfirmed));
}

async function flush(consumer: Consumer, held: HeldStream): Promise<void> {
  while (held.acks.length > 0 && !held.lost) {
    const ids = held.acks.splice(0, maxIdsPerScript);
    try {
      await runAsHolder(consumer.control, acknowledgeScript, consumer, held.lease, ids);
      for (const id of ids) held.known.delete(id);
    } catch (error) {
      if (isSuperseded(error) || !isSure(held.lease)) consumer.lose(held);
      held.acks.unshift(...ids);
      consumer.log.warn({ stream: held.name, entries: ids.length, error: String(error) }, 'acknowledgement failed');
      await pause(retryPauseMs);
    }
  }
  held.acknowledging = false;
}
