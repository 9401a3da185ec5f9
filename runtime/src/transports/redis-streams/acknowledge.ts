import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer } from './consumer.ts';
import type { HeldStream } from './held-stream.ts';
import { acknowledgeScript } from './holder.lua.ts';
import { isSuperseded, isSure, runAsHolder } from './lease.ts';

const maxIdsPerScript = 1_000;
const retryPauseMs = 100;

/**
 * Acknowledges what was handled, all that has gathered since the last time in one script. A lost acknowledgement means another delivery.
 *
 * @param onConfirmed told when nothing is left to acknowledge.
 */
export function acknowledge(consumer: Consumer, held: HeldStream, id: string, onConfirmed: () => void): void {
  held.acks.push(id);
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
      consumer.log.warn({ stream: held.stream, entries: ids.length, error: String(error) }, 'acknowledgement failed');
      await pause(retryPauseMs);
    }
  }
  held.acknowledging = false;
}
